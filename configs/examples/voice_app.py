"""The dial plan of configs/demo.toml as a web application: `.venv/bin/python configs/examples/voice_app.py`, then webhook.toml."""

import re
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web


def document(*verbs: str) -> web.Response:
    return web.Response(text=f"<Response>{''.join(verbs)}</Response>", content_type="text/xml")


async def voice(request: web.Request) -> web.Response:
    """A phone dialled: `To` is sip:WHAT@DOMAIN. 100 is an echo, 101 rings and is busy, a number leaves by a trunk, else a phone."""
    call = await request.post()
    dialled = re.sub(r"^sip:([^@]*)@.*$", r"\1", str(call["To"]))
    if dialled == "100":
        return document("<Echo/>")
    if dialled == "101":
        return document('<Pause length="20"/>', '<Reject reason="busy"/>')
    noun = "Number" if re.fullmatch(r"\+\d+", dialled) else "Client"
    return document(f"<Dial action={quoteattr('/ended')}><{noun}>{escape(dialled)}</{noun}></Dial>")


async def ended(request: web.Request) -> web.Response:
    call = await request.post()
    print(call["CallSid"], call["DialCallStatus"], call.get("DialCallDuration", "0"), "s")  # noqa: T201 - it is its log
    return document("<Hangup/>")


app = web.Application()
app.add_routes([web.post("/voice", voice), web.post("/ended", ended)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=9000)
