"""Which transaction or dialog a message belongs to (RFC 3261 sections 8.2.2.2, 12.2.2, 17.1.3, 17.2.3)."""

from __future__ import annotations

from sip.message import Request, Response

ClientKey = tuple[str, str]
ServerKey = tuple[str, ...]
DialogKey = tuple[str, str, str]


def client_key(message: Request | Response) -> ClientKey:
    """Branch and CSeq method (17.1.3). Of a request: the transaction it begins."""
    return message.via.branch or "", message.cseq.method


def server_key(request: Request) -> ServerKey:
    """Branch, sent-by and method, an ACK as its INVITE (17.2.3); without the magic cookie by the rule of RFC 2543."""
    method = "INVITE" if request.method == "ACK" else request.method
    via = request.via
    if via.has_cookie:
        return via.branch or "", via.host.lower(), str(via.port or 5060), method
    cseq = str(request.cseq.number)
    return "2543", request.uri, request.from_.tag or "", request.call_id, cseq, str(via), method


def invite_key_of_cancel(cancel: Request) -> ServerKey:
    """The INVITE transaction that a CANCEL means (9.2)."""
    key = server_key(cancel)
    return (*key[:-1], "INVITE")


def merge_key(request: Request) -> tuple[str, str, int, str]:
    """Two requests outside a dialog with the same key and other branches are one, forked on its way (8.2.2.2)."""
    return request.from_.tag or "", request.call_id, request.cseq.number, request.method


def dialog_key_as_uas(request: Request) -> DialogKey:
    """(Call-ID, local tag, remote tag) of a request inside a dialog."""
    return request.call_id, request.to.tag or "", request.from_.tag or ""


def dialog_key_as_uac(response: Response) -> DialogKey:
    """(Call-ID, local tag, remote tag) of a response to our request."""
    return response.call_id, response.from_.tag or "", response.to.tag or ""
