"""A new password, by a link that works once."""

from __future__ import annotations

import structlog
from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from frontend.access import current_user, services
from frontend.accounts import passwords
from frontend.accounts.blueprint import blueprint
from frontend.accounts.forms import EmailForm, NewPasswordForm
from frontend.accounts.links import read_token
from frontend.accounts.mails import count_mail, write_reset
from frontend.accounts.sign_in import enter
from shared.core.errors import Conflict, NotFound, Permanent, Unavailable
from shared.core.users import User

log = structlog.get_logger()


@blueprint.route("/forgot-password", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """The answer is the same whether or not the address has an account; the e-mail differs."""
    form = EmailForm(request.form)
    if request.method == "GET":
        viewer = current_user()
        form.email.data = viewer.email if viewer else ""
    if request.method != "POST" or not form.validate():
        return render_template("accounts/forgot.html", form=form), 422 if request.method == "POST" else 200
    email = form.email.data or ""
    count_mail(email)
    try:
        write_reset(email)
    except Unavailable as error:
        log.warning("account e-mail not sent", error=str(error))
        sorry = "We could not send the e-mail just now. Please try again in a minute."
        return render_template("accounts/forgot.html", form=form, complaint=sorry), 503
    except Permanent as error:
        log.warning("account e-mail refused", error=str(error))
        return render_template("accounts/forgot.html", form=form, complaint="We cannot write to this address."), 422
    return render_template("accounts/forgot_sent.html", email=email)


@blueprint.route("/reset-password/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """Whoever reads the mailbox chooses the password, which confirms the address too, and is signed in."""
    user = _invited(token)
    if user is None:
        return render_template("accounts/dead_link.html", purpose="reset"), 410
    form = NewPasswordForm(request.form)
    if request.method != "POST" or not form.validate():
        page = render_template("accounts/reset.html", form=form, email=user.email, token=token)
        return page, 422 if request.method == "POST" else 200
    password_hash = passwords.hash_password(form.password.data or "")
    try:
        services().users.set_password(user.user_id, password_hash=password_hash, epoch=user.session_epoch)
    except Conflict:  # the link was used a moment ago, in another tab
        return render_template("accounts/dead_link.html", purpose="reset"), 410
    services().users.verify(user.user_id, now=services().now())
    log.info("password reset", user_id=user.user_id)
    answer = enter(services().users.get(user.user_id))
    flash("Your new password is set. Everybody else who was signed in with the old one is signed out.")
    return answer


def _invited(token: str) -> User | None:
    link = read_token(token, "reset")
    if link is None:
        return None
    try:
        user = services().users.get(link.user_id)
    except NotFound:
        return None
    return user if user.session_epoch == link.epoch else None
