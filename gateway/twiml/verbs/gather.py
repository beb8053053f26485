"""`<Gather>`: play prompts, collect keys or speech, then ask `action` what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.twilio_codes import Code
from gateway.twiml.control import CallControl, Collected, CollectPlan, Prompt
from gateway.twiml.verb import (
    FallThrough,
    Next,
    Note,
    Redirect,
    Verb,
    attribute,
    counted,
    flag,
    http_method,
    status_callback,
    words,
)
from gateway.twiml.verbs.pause import Pause
from gateway.twiml.verbs.play import Play
from gateway.twiml.verbs.say import Say, language

KEYS = "0123456789*#"
MAX_HINTS = 500
MAX_HINT_LENGTH = 100


def _input(text: str) -> tuple[str, ...]:
    found = words(text.lower())
    if not found or set(found) - {"dtmf", "speech"}:
        raise ValueError("must be dtmf, speech or both")
    return found


def _timeout(text: str) -> float:
    if text.strip().lower() == "auto":
        return 5.0
    return float(counted(text.strip(), least=0))


def _speech_timeout(text: str) -> float | None:
    if text.strip().lower() == "auto":
        return None
    return float(counted(text.strip(), least=1))


def _num_digits(text: str) -> int:
    return counted(text.strip(), least=1)


def _finish_on_key(text: str) -> str:
    """Empty is not absent: every key is data then."""
    if len(text) > 1 or (text and text not in KEYS):
        raise ValueError("must be one of 0-9, *, # or nothing")
    return text


def _hints(text: str) -> tuple[str, ...]:
    found = tuple(hint.strip() for hint in text.split(",") if hint.strip())
    if len(found) > MAX_HINTS or any(len(hint) > MAX_HINT_LENGTH for hint in found):
        raise ValueError(f"at most {MAX_HINTS} of at most {MAX_HINT_LENGTH} characters each")
    return found


def _model(text: str) -> str:
    if not re.fullmatch(
        r"default|numbers_and_commands|phone_call|(experimental|googlev2|deepgram)_[\w.-]{1,60}", text.strip()
    ):
        raise ValueError("is no speech model of Twilio's")
    return text.strip()


AS_TIMEOUT = -1.0


@dataclass(frozen=True, kw_only=True)
class Gather(Verb, element="Gather", nests=(Say, Play, Pause), nested_code=Code.GATHER_NESTED):
    """Nothing entered: the next verb, unless `actionOnEmptyResult`. No `action`: this document again."""

    input: tuple[str, ...] = attribute(("dtmf",), code=Code.GATHER_INPUT, parse=_input)
    action: str | None = attribute(None)
    method: str = http_method(Code.GATHER_METHOD)
    timeout: float = attribute(5.0, code=Code.GATHER_TIMEOUT, parse=_timeout, most=86_400)
    finish_on_key: str = attribute("#", code=Code.GATHER_FINISH_KEYS, parse=_finish_on_key)
    num_digits: int | None = attribute(None, code=Code.GATHER_NUM_DIGITS, parse=_num_digits)
    action_on_empty_result: bool = flag(False, Code.GATHER_EMPTY_RESULT)
    speech_timeout: float | None = attribute(AS_TIMEOUT, code=Code.GATHER_SPEECH_TIMEOUT, parse=_speech_timeout)
    max_speech_time: float = attribute(60.0, code=Code.GATHER_MAX_SPEECH_TIME, least=1, most=600)
    speech_model: str | None = attribute(None, code=Code.GATHER_MODEL, parse=_model)
    enhanced: bool = flag(False)
    profanity_filter: bool | None = attribute(None, code=Code.GATHER_PROFANITY_FILTER)
    language: str = attribute("en-US", code=Code.GATHER_LANGUAGE, parse=language)
    hints: tuple[str, ...] = attribute((), code=Code.GATHER_HINTS, parse=_hints)
    partial_result_callback: str | None = attribute(None)
    partial_result_callback_method: str = http_method(Code.GATHER_PARTIAL_METHOD)
    barge_in: bool = flag(True, Code.GATHER_BARGE_IN)
    debug: bool = flag(False)

    def checked(self, notes: list[Note]) -> Self | None:
        if any(isinstance(child, Play) and child.digits for child in self.children):
            notes.append(Note(Code.GATHER_NESTED, "<Play digits> is not allowed within <Gather>"))
        if "speech" in self.input:
            notes += self._of_no_effect()
        return self

    def _of_no_effect(self) -> list[Note]:
        """What a Gather asks of its recogniser that there is only one of here: nobody is to believe that it was done."""
        found = []
        if self.speech_model is not None and self.speech_timeout is None:
            found.append(Note(Code.GATHER_AUTO_WITH_MODEL, "speechTimeout=auto goes with no speechModel"))
        if self.speech_model not in (None, "default"):
            found.append(Note(Code.GATHER_MODEL, f"speechModel={self.speech_model}: this gateway's own one is used"))
        if self.enhanced:
            found.append(Note(Code.SCHEMA, "enhanced: there is no enhanced model here"))
        if self.profanity_filter:
            found.append(Note(Code.GATHER_PROFANITY_FILTER, "profanityFilter: words are not filtered here"))
        return found

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        said = (child for child in self.children if isinstance(child, Say | Play | Pause))
        return tuple(child for child in said if not (isinstance(child, Play) and child.digits))

    def plan(self, call: CallControl) -> CollectPlan:
        return CollectPlan(
            timeout_s=self.timeout,
            digits="dtmf" in self.input,
            speech="speech" in self.input,
            most=self.num_digits,
            finish_on=self.finish_on_key,
            speech_timeout_s=self.timeout if self.speech_timeout == AS_TIMEOUT else self.speech_timeout,
            max_speech_s=self.max_speech_time,
            language=self.language,
            hints=self.hints,
            barge_in=self.barge_in,
            partial_callback=status_callback(
                call, self.partial_result_callback, self.partial_result_callback_method, ("partial",)
            ),
        )

    async def run(self, call: CallControl) -> Next:
        if files := [call.resolve(child.text) for child in self.prompts if isinstance(child, Play)]:
            await call.load(*files)  # all of them before the first is heard
        await call.answer()
        async with call.collecting(self.plan(call)) as collecting:
            await collecting.prompt(self.prompts, call)
            got = await collecting.result()
        if not got.digits and not got.speech and not self.action_on_empty_result:
            return FallThrough()
        return Redirect(call.resolve(self.action or ""), self.method, tuple(self._params(got)))

    def _params(self, got: Collected) -> list[tuple[str, str]]:
        params = [("msg", "Gather End")]
        if got.speech:
            params += [("SpeechResult", got.speech), ("Language", self.language)]
            if got.confidence is not None:
                params.append(("Confidence", f"{got.confidence:.8g}"))
        elif "dtmf" in self.input:
            params += [("Digits", got.digits), ("FinishedOnKey", got.finished_by)]
        return params
