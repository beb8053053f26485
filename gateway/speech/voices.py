"""Twilio's voices and languages as espeak-ng has them: the language decides, man or woman is a variant."""

from __future__ import annotations

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
_MEN = frozenset(
    ["man", "matthew", "joey", "justin", "brian", "russell", "geraint", "stephen", "kevin", "gregory", "arthur", "hans", "daniel", "mathieu", "remi", "enrique", "miguel", "andres", "pedro", "sergio", "ricardo", "thiago", "cristiano", "giorgio", "adriano", "takumi", "jacek", "maxim", "ruben", "karl", "mads", "laurent", "ola"]
)


def voice_for(voice: str, language: str) -> str:
    """espeak-ng's name: `en-us+m3`, `de+f2`. A voice with a language in its name (`Google.de-DE-…`) brings that."""
    name = voice.partition(".")[2] or voice
    parts = name.split("-")
    if len(parts) >= 2 and len(parts[0]) in (2, 3) and parts[0].islower() and parts[1].isupper():
        language = "-".join(parts[:2])
    is_man = parts[0].lower() in _MEN or (not voice and not language) or voice in ("", "man")
    code = _LANGUAGES.get(language, language.partition("-")[0].lower() or "en-us")
    return f"{code}+{'m3' if is_man else 'f2'}"
