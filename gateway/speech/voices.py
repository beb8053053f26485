"""Twilio's voices and languages as espeak-ng has them: the language decides, man or woman is a variant."""

from __future__ import annotations

DEFAULT_VOICE = "en-us+m3"
_LANGUAGES = {
    "arb": "ar",
    "ar-XA": "ar",
    "cmn-CN": "cmn",
    "zh-CN": "cmn",
    "zh-TW": "cmn",
    "zh-HK": "yue",
    "yue-CN": "yue",
    "en-AU": "en-gb",
    "en-GB": "en-gb",
    "en-GB-WLS": "en-gb",
    "en-IN": "en-gb",
    "en-IE": "en-gb",
    "en-NZ": "en-gb",
    "en-ZA": "en-gb",
    "en-CA": "en-us",
    "en-US": "en-us",
    "es-ES": "es",
    "es-MX": "es-419",
    "es-US": "es-419",
    "fr-FR": "fr-fr",
    "fr-CA": "fr-fr",
    "fr-BE": "fr-be",
    "nb-NO": "nb",
    "pt-BR": "pt-br",
    "pt-PT": "pt",
    "fil-PH": "en-us",
}
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
    """espeak-ng's name: `en-us+m3`, `de+f2`. A voice with a language in its name (`Google.de-DE-…`) brings that."""
    name = voice.partition(".")[2] or voice
    parts = name.split("-")
    if len(parts) >= 2 and len(parts[0]) in (2, 3) and parts[0].islower() and parts[1].isupper():
        language = "-".join(parts[:2])
    elif voice.startswith("Polly."):
        language = _LANGUAGE_OF.get(parts[0].lower().replace("é", "e").replace("ó", "o"), language)
    is_man = parts[0].lower() in _MEN or (not voice and not language) or voice in ("", "man")
    code = _LANGUAGES.get(language, language.partition("-")[0].lower() or "en-us")
    return f"{code}+{'m3' if is_man else 'f2'}"


def is_model(voice: str) -> bool:
    """Whether a voice is the path of a Piper model."""
    return voice.endswith(".onnx")
