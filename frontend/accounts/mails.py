"""The e-mails about accounts. The frontend sends them itself: see docs/decisions/0003.

None of them repeats the name that was given at sign-up: before an address is confirmed, that would let anybody send a
text of theirs to a stranger, in our name.
"""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, url_for

from frontend.access import services, settings
from frontend.accounts.links import make_token
from frontend.limits import allow, client_network
from shared import metrics
from shared.core.users import User

MAILS_AN_ADDRESS = (5, timedelta(hours=1))
MAILS_A_NETWORK = (30, timedelta(hours=1))


def count_mail(email: str) -> None:
    """Counts one more e-mail that somebody asks us to write to this address. Raises `TooMany`."""
    for key, (most, window) in (
        (f"mail#network#{client_network()}", MAILS_A_NETWORK),
        (f"mail#address#{email}", MAILS_AN_ADDRESS),
    ):
        allow(key, most=most, window=window)


def write_about_account(email: str) -> None:
    """Tells the address how it stands with us: confirm it, sign in, or sign up.

    There is an e-mail for each case, so that neither the page nor its speed tells a stranger which one it is.
    Raises `Unavailable` when SES is away, `Permanent` when it refuses the address.
    """
    user = _open_account(email)
    if user is None:
        _send(email, "unknown", "Your address has no account at GAS", {"link": _link("accounts.sign_up")})
    elif user.verified_at is None:
        _send_to(user, "verify", "Confirm your address for GAS", {"link": _link("accounts.verify", user, "verify")})
    else:
        context = {"link": _link("accounts.sign_in"), "forgot": _link("accounts.forgot")}
        _send_to(user, "exists", "You have an account at GAS", context)


def write_reset(email: str) -> None:
    """Sends a link to choose a new password, or word that there is no account. Raises as `write_about_account`."""
    user = _open_account(email)
    if user is None:
        write_about_account(email)
    else:
        _send_to(user, "reset", "Choose a new password for GAS", {"link": _link("accounts.reset", user, "reset")})


def _open_account(email: str) -> User | None:
    """An account that is being deleted is none."""
    user = services().users.by_email(email)
    return user if user is None or user.closed_at is None else None


def _send_to(user: User, name: str, subject: str, context: dict[str, str]) -> None:
    if not user.mail_blocked:  # SES suspends senders who write to addresses that bounced or complained
        _send(user.email, name, subject, context)


def _send(email: str, name: str, subject: str, context: dict[str, str]) -> None:
    text = render_template(f"mail/{name}.txt", email=email, **context)
    html = render_template(f"mail/{name}.html", email=email, subject=subject, **context)
    kind = f"account-{name}"
    with metrics.sending_mail(kind):
        services().mailer.send(to=email, subject=subject, text=text, html=html, tags={"kind": kind})


def _link(endpoint: str, user: User | None = None, purpose: str = "") -> str:
    """An absolute address under the public URL; the Host header of a request is anybody's to choose."""
    if user is None:
        return settings().public_url + url_for(endpoint)
    token = make_token(user, "verify" if purpose == "verify" else "reset")
    return settings().public_url + url_for(endpoint, token=token)
