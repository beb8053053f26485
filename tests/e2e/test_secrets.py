"""No password, token or key stands in the log, whatever goes wrong around it, and nobody outside writes a line of it."""

from __future__ import annotations

import asyncio
import base64

import aiohttp

from tests.e2e.gateway import ACCOUNT_SID, AUTH_TOKEN, NUMBER, Gateway
from tests.peers.ports import LOOPBACK
from tests.peers.rtp_phone import RtpPhone

SECRET = "hUsh-5ecret"
"""In every place where an application or a peer may put one."""

REST = {
    "From": NUMBER,
    "To": f"sip:bob:{SECRET}@{LOOPBACK}:1;transport=tcp",
    "SipAuthUsername": "u",
    "SipAuthPassword": SECRET,
}


async def test_what_is_secret_stays_out_of_the_log(gateway: Gateway) -> None:
    application = gateway.application
    host = application.url.removeprefix("http://")
    at = f"http://user:{SECRET}@{host}"
    steps = [
        "<Response><Redirect>/guarded?key={0}</Redirect></Response>",  # refused: 401, and we log in
        f"<Response><Play>{at}/gone.wav?key={{0}}</Play></Response>",
        f"<Response><Redirect>http://u:{{0}}@{LOOPBACK}:1/?key={{0}}</Redirect></Response>",
        "<Response><Redirect>ftp://u:{0}@x/?key={0}</Redirect></Response>",
        '<Response><Gather action="//u:{0}@a_b/?key={0}" timeout="0" actionOnEmptyResult="true"/></Response>',
        f'<Response><Dial timeout="5"><Sip username="u" password="{{0}}" statusCallback="{at}/gone?key={{0}}">'
        f"sip:bob:{{0}}@{LOOPBACK}:1;transport=tcp?X-Key={{0}}</Sip></Dial></Response>",
        "<Response {0}='{0}'><Say>?key={0}",
    ]
    application.answers("/guarded", "who?", status=401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n"'})
    application.answers("/fallback", "<Response><Hangup/></Response>")
    token = f"Bearer {SECRET}\r\nX-Name: Eve\r\n"
    for step in steps:
        application.answers("/number", step.replace("{0}", SECRET))
        async with RtpPhone(
            gateway.sip, NUMBER, headers=f"Authorization: {token}X-Token: {SECRET}\x1b[2J\r\n"
        ) as phone:
            await asyncio.wait_for(phone.ended.wait(), 20)
    async with aiohttp.ClientSession() as session:
        calls = f"{gateway.public_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json?Key={SECRET}"
        for user, password in (("AC1", SECRET), (ACCOUNT_SID, AUTH_TOKEN)):
            basic = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
            body = REST | {"Url": f"{at}/gone?key={SECRET}", "StatusCallback": f"{at}/gone?key={SECRET}"}
            async with session.post(calls, headers=basic, data=body) as answer:
                assert answer.status in (201, 401)
    await application.wait_for("/gone", count=2, within_s=15.0)
    await gateway.program.stop()
    log = gateway.logs()
    assert log.count('"document fault"') >= 5
    for hidden in (SECRET, AUTH_TOKEN, "\x1b"):
        assert hidden not in log, hidden
    assert all(line.startswith(("{", "crosspoint ")) for line in log.splitlines() if line), log
