"""Cards as they are typed."""

from __future__ import annotations

import pytest

from deploy.local.stripe.cards import CARDS, CardInvalid, read_card
from tests.factories import NOON


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.number)
def test_every_test_card_is_read(card: object) -> None:
    number = card.number  # type: ignore[attr-defined]  # a member of an enumeration
    assert read_card(number, "12/40", "123", now=NOON).last4 == number[-4:]


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "4242-4242-4242-4242", " 4242424242424242 "])
def test_a_number_may_be_spaced(number: str) -> None:
    assert read_card(number, "12/40", "123", now=NOON).shown == "Visa •••• 4242"


@pytest.mark.parametrize("expiry", ["03/26", "3/26", "03 / 2026", "12/40"])
def test_an_expiration_is_read_as_people_write_it(expiry: str) -> None:
    assert read_card("4242424242424242", expiry, "123", now=NOON).exp_year in {2026, 2040}


@pytest.mark.parametrize(
    ("number", "expiry", "cvc", "field"),
    [
        ("4242424242424241", "12/40", "123", "number"),
        ("", "12/40", "123", "number"),
        ("4111111111111111", "12/40", "123", "number"),
        ("4242424242424242", "02/26", "123", "expiry"),
        ("4242424242424242", "13/40", "123", "expiry"),
        ("4242424242424242", "", "123", "expiry"),
        ("4242424242424242", "12/40", "12", "cvc"),
        ("4242424242424242", "12/40", "abc", "cvc"),
    ],
)
def test_a_wrong_field_is_named(number: str, expiry: str, cvc: str, field: str) -> None:
    with pytest.raises(CardInvalid) as caught:
        read_card(number, expiry, cvc, now=NOON)
    assert caught.value.field == field
