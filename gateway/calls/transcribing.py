"""`<Record transcribe>`: what was said, written down by the house's listener after the recording, and told."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import structlog

from gateway.calls.call import Call, utc_now
from gateway.calls.exchange import Exchange
from gateway.calls.recordings import Taping
from gateway.ids import new_transcription_sid
from gateway.speech import Hearing
from gateway.storage.media import NoSuchMedia
from gateway.storage.models import TranscriptionRow
from gateway.storage.objects import ObjectsAway
from gateway.storage.writing import copy_of
from gateway.twilio_codes import Code
from gateway.twiml.control import DocumentFault, StatusCallback
from gateway.webhooks.params import CallView, voice_params

log = structlog.get_logger(__name__)

LEAST_S, MOST_S = 2, 120
"""What is shorter or longer is not written down (twiml.md section 5)."""

LANGUAGE = "en-US"
PIECE = 32_000

_SAID = ("CallSid", "AccountSid", "From", "To", "CallStatus", "ApiVersion", "Direction", "ForwardedFrom")


async def transcribe(exchange: Exchange, call: Call, taping: Taping, callback_url: str) -> None:
    """Write a finished recording down and tell *callback_url*. Never raises for what a recording holds."""
    began = utc_now()
    row = TranscriptionRow(
        sid=str(new_transcription_sid()),
        account_sid=str(call.account_sid),
        recording_sid=str(taping.sid),
        status="in-progress",
        text="",
        duration_s=0,
        created_at=began,
        updated_at=began,
    )
    await exchange.transcribed(row, call.sid, None, [])
    text, status, seconds = "", "failed", 0.0
    try:
        async with exchange.transcribing:  # one at a time: live callers come first
            pcm, rate_hz = await _sound(exchange, taping)
            seconds = len(pcm) / 2 / rate_hz
            if LEAST_S <= seconds <= MOST_S:
                text, status = await _understood(exchange, pcm, rate_hz), "completed"
    except DocumentFault as fault:
        exchange.notify(call, fault.code, fault.message)
    except (NoSuchMedia, ObjectsAway, OSError, wave.Error, EOFError) as fault:
        exchange.notify(call, Code.RECORD_TRANSCRIBE, f"{taping.sid} can't be written down: {type(fault).__name__}")
    log.info("transcription", call_sid=call.sid, recording_sid=taping.sid, status=status, characters=len(text))
    url = (
        f"{exchange.config.http.public_url.rstrip('/')}/2010-04-01/Accounts/{call.account_sid}/Transcriptions/{row.sid}"
    )
    params = [
        ("TranscriptionSid", row.sid),
        ("TranscriptionText", text),
        ("TranscriptionStatus", status),
        ("TranscriptionUrl", url),
        ("RecordingSid", str(taping.sid)),
        ("RecordingUrl", taping.url),
        *((name, value) for name, value in voice_params(CallView.of(call)) if name in _SAID),
    ]
    done = copy_of(row, status=status, text=text, duration_s=int(seconds + 0.5), updated_at=utc_now())
    await exchange.transcribed(done, call.sid, StatusCallback(url=callback_url) if callback_url else None, params)


async def _understood(exchange: Exchange, pcm: bytes, rate_hz: int) -> str:
    """The words of all of it: pauses don't end it."""
    hearing = Hearing(language=LANGUAGE, rate_hz=rate_hz, end_silence_s=MOST_S, most_s=MOST_S)
    async with exchange.listener.listening(hearing) as recognition:
        for at in range(0, len(pcm), PIECE):
            recognition.feed(pcm[at : at + PIECE])
        recognition.finish()
        return (await recognition.result()).text


async def _sound(exchange: Exchange, taping: Taping) -> tuple[bytes, int]:
    """A file may be taken to the object store just as it is opened: then it is fetched from there."""
    recording = taping.recording
    try:
        return await asyncio.to_thread(_read, await exchange.recordings.sound(recording))
    except FileNotFoundError:
        return await asyncio.to_thread(_read, await exchange.recordings.sound(recording))


def _read(path: Path) -> tuple[bytes, int]:
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes()), file.getframerate()
