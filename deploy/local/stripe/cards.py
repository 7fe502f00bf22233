"""Test cards: what each of them does. Source: "Test card numbers", Stripe's documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["succeeds", "declined", "insufficient", "authenticate", "fails_later", "authenticate_always"]


@dataclass(frozen=True)
class TestCard:
    """One of Stripe's numbers."""

    number: str
    brand: str
    outcome: Outcome
    what: str
    """For the page that offers them."""


CARDS = (
    TestCard("4242424242424242", "visa", "succeeds", "every payment succeeds"),
    TestCard("5555555555554444", "mastercard", "succeeds", "every payment succeeds"),
    TestCard("4000000000000002", "visa", "declined", "declined"),
    TestCard("4000000000009995", "visa", "insufficient", "declined: insufficient funds"),
    TestCard("4000002500003155", "visa", "authenticate", "needs authentication (3D Secure) once"),
    TestCard("4000000000000341", "visa", "fails_later", "can be saved, but every payment is declined"),
    TestCard("4000002760003184", "visa", "authenticate_always", "needs authentication for every payment"),
)
_BY_NUMBER = {card.number: card for card in CARDS}

_GENERIC = "Your card was declined. Try a different card."
REFUSALS: dict[Outcome, str] = {
    "declined": _GENERIC,
    "insufficient": "Your card has insufficient funds. Try a different card.",
}
"""Outcomes that refuse a card as soon as it is given, in words for its holder."""
LATER_REFUSALS: dict[Outcome, str] = {
    "fails_later": _GENERIC,
    "authenticate_always": "The bank asks for authentication, and the card's holder was not there.",
}
"""Outcomes that refuse a payment while its holder is away."""
NEEDS_AUTHENTICATION: frozenset[Outcome] = frozenset({"authenticate", "authenticate_always"})


class CardInvalid(ValueError):
    """The form is wrong. ``field``: number, expiry or cvc; the text is for the card's holder."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Card:
    """A card that was given on a page."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    outcome: Outcome

    @property
    def shown(self) -> str:
        """Such as ``Visa •••• 4242``."""
        return f"{self.brand.capitalize()} •••• {self.last4}"


def read_card(number: str, expiry: str, cvc: str, *, now: datetime) -> Card:
    """Raises `CardInvalid`. ``expiry`` is MM/YY or MM/YYYY."""
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"[0-9]{12,19}", digits) or not _luhn(digits):
        raise CardInvalid("number", "Your card number is invalid.")
    known = _BY_NUMBER.get(digits)
    if known is None:
        raise CardInvalid("number", "Only test cards are taken here; see the list below the form.")
    match = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*/\s*(20)?([0-9]{2})\s*", expiry)
    if match is None:
        raise CardInvalid("expiry", "Your card's expiration date is incomplete.")
    month, year = int(match[1]), 2000 + int(match[3])
    if (year, month) < (now.year, now.month):
        raise CardInvalid("expiry", "Your card's expiration date is in the past.")
    if not re.fullmatch(r"[0-9]{3,4}", cvc.strip()):
        raise CardInvalid("cvc", "Your card's security code is incomplete.")
    return Card(known.brand, digits[-4:], month, year, known.outcome)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
