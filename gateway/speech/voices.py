"""Twilio's voices and languages as espeak-ng has them: the language decides, man or woman is a variant."""

from __future__ import annotations

import unicodedata

DEFAULT_VOICE = "en-us+m3"
_LANGUAGES = {
    "en": "en-us",
    "zh": "cmn",
    "arb": "ar",
    "ar-XA": "ar",
    "cmn-CN": "cmn",
    "zh-CN": "cmn",
    "zh-TW": "cmn",
    "zh-HK": "yue",
    "yue-CN": "yue",
    "en-AU": "en",
    "en-GB": "en",
    "en-GB-WLS": "en",
    "en-IN": "en",
    "en-IE": "en",
    "en-NZ": "en",
    "en-ZA": "en",
    "en-CA": "en-us",
    "en-US": "en-us",
    "es-ES": "es",
    "es-MX": "es-419",
    "es-US": "es-419",
    "fr-FR": "fr",
    "fr-CA": "fr",
    "fr-BE": "fr-be",
    "nb-NO": "nb",
    "pt-BR": "pt-br",
    "pt-PT": "pt",
    "fil-PH": "en-us",
    "gl-ES": "es",
}
_CODES = {language.lower(): code for language, code in _LANGUAGES.items()}
_AMERICANS = "man matthew joey justin stephen kevin gregory brian russell geraint arthur"
_EUROPEANS = (
    "hans daniel mathieu remi enrique sergio cristiano giorgio adriano jacek maxim ruben karl mads laurent liam zayd"
)
_OTHERS = "miguel andres pedro ricardo thiago takumi"
_MEN = frozenset([*_AMERICANS.split(), *_EUROPEANS.split(), *_OTHERS.split()])


_POLLY = {
    "arb": "zeina",
    "ar-AE": "hala zayd",
    "ca-ES": "arlet",
    "cmn-CN": "zhiyu",
    "yue-CN": "hiujin",
    "cy-GB": "gwyneth",
    "da-DK": "naja mads sofie",
    "de-AT": "hannah",
    "de-DE": "hans marlene vicki daniel",
    "en-AU": "nicole russell olivia",
    "en-GB": "amy emma brian arthur",
    "en-GB-WLS": "geraint",
    "en-IE": "niamh",
    "en-IN": "raveena aditi kajal",
    "en-NZ": "aria",
    "en-US": "joanna ivy kendra kimberly salli joey justin kevin matthew ruth stephen danielle gregory",
    "en-ZA": "ayanda",
    "es-ES": "conchita lucia enrique sergio",
    "es-MX": "mia andres",
    "es-US": "lupe miguel penelope pedro",
    "fi-FI": "suvi",
    "fr-BE": "isabelle",
    "fr-CA": "chantal gabrielle liam",
    "fr-FR": "celine lea mathieu remi",
    "is-IS": "dora karl",
    "it-IT": "carla bianca giorgio adriano",
    "ja-JP": "mizuki takumi kazuha tomoko",
    "ko-KR": "seoyeon",
    "nb-NO": "liv ida",
    "nl-BE": "lisa",
    "nl-NL": "lotte ruben laura",
    "pl-PL": "ewa maja jacek jan ola",
    "pt-BR": "camila vitoria ricardo thiago",
    "pt-PT": "ines cristiano",
    "ro-RO": "carmen",
    "ru-RU": "tatyana maxim",
    "sv-SE": "astrid elin",
    "tr-TR": "filiz burcu",
}
_LANGUAGE_OF = {name: language for language, names in _POLLY.items() for name in names.split()}
"""A Polly voice speaks its own language, whatever `language` says."""


def voice_for(voice: str, language: str) -> str:
    """espeak-ng's name: `en-us+m3`, `de+f2`; `en` is British. A voice with a language in its name (`Google.de-DE-…`) brings that."""
    name = voice.partition(".")[2] or voice
    parts = name.split("-")
    if len(parts) >= 2 and len(parts[0]) in (2, 3) and parts[0].islower() and parts[1].isupper():
        language = "-".join(parts[:2])
    elif voice.startswith("Polly."):
        language = _LANGUAGE_OF.get(_unaccented(parts[0]), language)
    is_man = _unaccented(parts[0]) in _MEN or voice in ("", "man")
    primary = language.partition("-")[0].lower()
    code = _CODES.get(language.lower()) or _CODES.get(primary, primary) or "en-us"
    return f"{code}+{'m3' if is_man else 'f2'}"


def _unaccented(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", name.lower()) if letter.isascii())


def is_model(voice: str) -> bool:
    """Whether a voice is the path of a Piper model."""
    return voice.endswith(".onnx")
