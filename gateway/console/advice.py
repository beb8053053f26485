"""What an operator can do about a notification, by Twilio's code."""

from __future__ import annotations

_ADVICE: dict[int, str] = {
    11100: "Correct the URL: it must begin with http:// or https://, or name a [[bin]].",
    11200: "The application answered with an error or not in time. Its call has the request and the answer; look at its own log too.",
    11202: "Nothing listens there. Start the application, or correct host and port of the URL.",
    11205: "The connection could not be made. Check that this machine reaches the application (firewall, routing, http.allow_private).",
    11206: "What answered does not speak HTTP. Check the port, and http:// against https://.",
    11210: "The host's name has no address. Check its spelling and this machine's DNS.",
    11215: "The application sends from redirect to redirect. Look at where its Location headers lead.",
    11220: "TLS could not be agreed. Check the application's certificate and versions.",
    11235: "The application's certificate has expired or is not valid yet.",
    11236: "The application's certificate is for another name.",
    11237: "The application's certificate is signed by nobody that this machine trusts.",
    11750: "The document is larger than 64 kB. Shorten it, or continue in another by <Redirect>.",
    12100: "What came back is no XML: often an error page, or an & that is not written &amp;. Its call has the body.",
    12102: "The document's root has to be <Response>.",
    12200: "The document has an element or attribute that TwiML does not know, or in the wrong place; the message names it.",
    12300: "Send Content-Type: text/xml with TwiML, text/plain with words, audio/… with sound.",
    13214: "callerId wants a number, a client: or sip: address.",
    13223: "The number is not written in a way that can be dialled: E.164 looks like +15550100.",
    13224: "No [[route]] has a prefix for this number, and no [[number]] is it. Add one, or check the digits.",
    13243: "The SIP address can't be read: it looks like sip:bob@example.com.",
    13340: "Speech recognition is an extra: pip install 'crosspoint[speech]'.",
    13420: "The file can't be played: check that its URL gives sound (WAV, MP3, …) with an audio type.",
    13750: "This verb is not served here. Remove it, or catch it in the application.",
    15002: "The application did not take a callback for too long, and it was given up.",
    15003: "The application did not take a status callback: the call went on. Look at its log for that URL.",
    16100: "The recording could not be written. Check the free space and rights of storage.recordings.",
    21263: "Detection of dialled parties and participants never waits: its verdict goes to AmdStatusCallback.",
    32009: "No telephone of this user is registered: see Phones.",
    21262: "Asynchronous detection tells its verdict only to AsyncAmdStatusCallback: set it.",
}

_FAMILIES = (
    (11000, 11999, "It is about the way to your application: check its URL and whether it runs."),
    (12000, 12999, "It is about the document that your application gave: its call has the request."),
    (
        13000,
        13999,
        "It is about an attribute or noun of a verb in the document: the default was used where there is one.",
    ),
    (14000, 14999, "It is about queues: check the name and the URLs of <Enqueue> or <Queue>."),
    (15000, 15999, "It is about a callback: look at the application's log for that URL."),
    (16000, 16999, "It is about conferences or recordings."),
    (20000, 29999, "It is about a parameter of the request that created the call."),
    (32000, 32999, "It is about SIP: the ladder of the call shows what was said."),
    (60000, 69999, "It is about a part of the call outside its verbs: the message says which."),
)


def advice(code: int) -> str:
    """What to do next; `""` where nothing better than the message is known."""
    if (found := _ADVICE.get(code)) is not None:
        return found
    return next((text for first, last, text in _FAMILIES if first <= code <= last), "")
