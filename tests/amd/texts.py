"""What is said in the made calls, by language: short answers, longer ones, business greetings, messages of machines."""

from __future__ import annotations

from collections.abc import Mapping

HELLO = {
    "en": ("Hello?", "Yes?", "Hi.", "Hello, hello?", "Yeah?", "Good evening.", "Peterson.", "Hello there."),
    "de": ("Hallo?", "Ja bitte?", "Guten Tag.", "Schneider."),
    "fr": ("Allô ?", "Oui ?", "Bonjour.", "Oui, allô ?"),
    "it": ("Pronto?", "Sì?", "Buongiorno.", "Pronto, chi parla?"),
    "fi": ("Haloo?", "Virtanen.", "No hei.", "Niin?"),
    "cs": ("Prosim?", "Dobry den.", "Ano?", "Halo?"),
    "ca": ("Digui?", "Hola.", "Bon dia.", "Si?"),
}
THIS_IS = {
    "en": ("Hello, this is Carol.", "Hi, Tom speaking.", "Good morning, Miller residence.", "Hello, who is calling?"),
    "de": ("Guten Tag, Schneider am Apparat.", "Hallo, wer ist da bitte?"),
    "fr": ("Bonjour, ici Martine.", "Allô, qui est à l'appareil ?"),
    "it": ("Pronto, sono Giulia.", "Buongiorno, con chi parlo?"),
    "fi": ("Virtanen puhelimessa.", "Haloo, kuka siellä on?"),
    "cs": ("Dobry den, tady Novak.", "Halo, kdo vola?"),
    "ca": ("Hola, soc la Marta.", "Bon dia, amb qui parlo?"),
}
BUSINESS = {
    "en": (
        "Good morning, Baxter and Sons, this is Helen speaking, how may I help you?",
        "Thank you for calling the Riverside Hotel, my name is Paul, what can I do for you?",
        "Doctor Winter's practice, this is Janet, how can I help?",
    ),
    "de": ("Guten Tag, Autohaus Schneider, mein Name ist Weber, was kann ich für Sie tun?",),
    "fr": ("Bonjour, cabinet Leroy, Sophie à votre écoute, que puis-je faire pour vous ?",),
    "it": ("Buongiorno, studio Bianchi, sono Laura, come posso aiutarla?",),
    "fi": ("Hyvää huomenta, Virtasen autohuolto, Matti puhelimessa, miten voin auttaa?",),
    "cs": ("Dobry den, firma Novak a syn, u telefonu Petr, co pro vas mohu udelat?",),
    "ca": ("Bon dia, taller Puig, soc en Jordi, en que el puc ajudar?",),
}
GREETING = {
    "en": (
        "Hi, you have reached Susan. I am away from my phone right now. Please leave your name and number, and I will "
        "call you back as soon as I can.",
        "The person you have called is not available at the moment. Please record your message after the tone. When "
        "you have finished, hang up or press pound for more options.",
        "Hello, this is the answering machine of the Walker family. We can not come to the phone just now. Leave us a "
        "message after the beep. Thank you.",
        "You have reached the mailbox of five five five, zero one, seven three. At the tone, please leave a message.",
        "Your call has been forwarded to an automated voice messaging system. The subscriber is not available.",
    ),
    "de": (
        "Guten Tag, hier ist der Anrufbeantworter von Familie Schneider. Wir sind leider nicht da. Bitte hinterlassen "
        "Sie uns nach dem Signalton eine Nachricht.",
        "Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar. Bitte rufen Sie später wieder an.",
    ),
    "fr": (
        "Bonjour, vous êtes bien sur la messagerie de Martine. Je ne suis pas disponible pour le moment. Laissez-moi un "
        "message après le bip sonore, je vous rappellerai.",
    ),
    "it": (
        "Risponde la segreteria telefonica di Giulia. Al momento non posso rispondere. Lasciate un messaggio dopo il "
        "segnale acustico, grazie.",
    ),
    "fi": (
        "Tämä on Virtasen puhelinvastaaja. En voi juuri nyt vastata puhelimeen. Jätä viesti äänimerkin jälkeen, niin "
        "soitan sinulle takaisin.",
    ),
    "cs": (
        "Dobry den, dovolali jste se do hlasove schranky. Ted nemohu telefon zvednout. Zanechte prosim vzkaz po "
        "zazneni tonu, dekuji.",
    ),
    "ca": (
        "Hola, aquest es el contestador de la Marta. Ara mateix no puc atendre la trucada. Deixeu un missatge despres "
        "del senyal, gracies.",
    ),
}
SHORT = {
    "en": ("Leave a message.", "Please leave a message.", "Speak after the tone.", "You know what to do."),
    "de": ("Bitte sprechen Sie jetzt.",),
    "fr": ("Laissez un message.",),
    "it": ("Lasciate un messaggio.",),
    "fi": ("Jätä viesti.",),
    "cs": ("Zanechte vzkaz.",),
    "ca": ("Deixeu un missatge.",),
}
MENU = {
    "en": (
        "Welcome to Northern Gas. For billing, press one. For meter readings, press two. To speak to an operator, "
        "press zero or hold the line.",
        "Thank you for calling. Your call is important to us. Please have your customer number ready. For orders, "
        "press one. For anything else, press two.",
    ),
}
FULL = {"en": ("The mailbox that you have called is full and can not take any messages at this time. Good bye.",)}
ANNOUNCED = {
    "en": (
        "The number you have dialed is not in service. Please check the number and dial again.",
        "We are sorry. Your call can not be completed as dialed. This is a recording.",
    ),
}

PROMPTS = (
    ("vm-theperson", "vm-isunavail", "vm-intro", "vm-nobodyavail"),
    ("vm-nobodyavail", "vm-intro", "vm-reachoper"),
    ("vm-intro", "vm-review", "vm-saveoper"),
    ("vm-isunavail", "vm-leavemsg", "vm-intro"),
    ("vm-theperson", "vm-isonphone", "vm-intro", "vm-leavemsg"),
    ("privacy-prompt", "vm-intro"),
    ("vm-rec-unv", "vm-instructions"),
    ("an-error-has-occured", "vm-intro", "vm-nobodyavail"),
)
"""Asterisk's prompts, by the name that they have in each language, strung together as voice mail does."""


def of(table: Mapping[str, tuple[str, ...]], language: str) -> tuple[str, ...]:
    """What is said in a language, or in English."""
    return table.get(language, table["en"])
