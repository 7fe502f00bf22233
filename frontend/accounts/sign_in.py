"""Sign in and out."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend import access
from frontend.access import current_user, safe_next, services
from frontend.accounts import passwords
from frontend.accounts.blueprint import blueprint
from frontend.accounts.forms import SignInForm
from frontend.accounts.mails import count_mail, write_about_account
from frontend.limits import allow, client_network, forgive
from shared.core.errors import Conflict, GasError
from shared.core.users import User

log = structlog.get_logger()

TRIES_AN_ADDRESS = (10, timedelta(minutes=10))
"""Few enough against guessing, short enough that nobody is shut out for long; a reset link signs in at any time."""
TRIES_A_NETWORK = (60, timedelta(minutes=10))
"""A laboratory may share one address."""


def check_password(email: str, password: str) -> User | None:
    """The account's user if the password is theirs. Raises `TooMany`.

    Every try counts before it is looked at, so that many at once gain nothing; the right password takes its own back.
    """
    counters = (
        (f"sign-in#network#{client_network()}", TRIES_A_NETWORK),
        (f"sign-in#address#{email}", TRIES_AN_ADDRESS),
    )
    for key, (most, window) in counters:
        allow(key, most=most, window=window)
    user = services().users.by_email(email)
    if user is not None and user.closed_at is not None:
        user = None  # its data is on its way out
    if not passwords.matches(password, user.password_hash if user else None) or user is None:
        log.info("sign-in refused")
        return None
    for key, (_, window) in counters:
        forgive(key, window=window)
    return _rehashed(user, password) if passwords.is_outdated(user.password_hash) else user


def enter(user: User) -> ResponseReturnValue:
    """Begins a session and goes where the person wanted to be."""
    access.sign_in(user)
    log.info("signed in", user_id=user.user_id)
    return redirect(safe_next(request.args.get("next")) or url_for("pages.home"), 303)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """By e-mail address and password."""
    if request.method == "GET" and current_user() is not None:
        return redirect(safe_next(request.args.get("next")) or url_for("pages.home"))
    form = SignInForm(request.form)
    if request.method != "POST" or not form.validate():
        return render_template("accounts/sign_in.html", form=form), 422 if request.method == "POST" else 200
    user = check_password(form.email.data or "", form.password.data or "")
    if user is None:
        wrong = "The e-mail address or the password is wrong."
        return render_template("accounts/sign_in.html", form=form, complaint=wrong), 422
    if user.verified_at is None:
        return _not_confirmed(user)
    return enter(user)


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends this browser's session; harmless without one."""
    access.sign_out()
    flash("You are signed out.")
    return redirect(url_for("pages.home"), 303)


def _rehashed(user: User, password: str) -> User:
    """Their password under today's parameters. It raises their epoch, so sessions elsewhere end: once in years."""
    try:
        services().users.set_password(
            user.user_id, password_hash=passwords.hash_password(password), epoch=user.session_epoch
        )
    except Conflict:
        log.info("password changed while signing in", user_id=user.user_id)
    return services().users.get(user.user_id)


def _not_confirmed(user: User) -> ResponseReturnValue:
    """Whoever knows the password may know that the address is not confirmed; the link is sent again."""
    count_mail(user.email)
    try:
        write_about_account(user.email)
    except GasError as error:
        log.warning("account e-mail not sent", error=str(error))
        return render_template("accounts/check_mail.html", email=user.email, failed=True), 503
    return render_template("accounts/check_mail.html", email=user.email, first=True), 403
