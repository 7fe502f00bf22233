"""Sign up, and show that the address is one's own.

The link in the e-mail asks for the password. Otherwise a stranger could sign up with somebody's address and a password
of the stranger's, and wait until the address's owner (or their mail scanner) follows the link.
"""

from __future__ import annotations

import structlog
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import current_user, services
from frontend.accounts import passwords
from frontend.accounts.blueprint import blueprint
from frontend.accounts.forms import ConfirmForm, EmailForm, SignUpForm
from frontend.accounts.links import read_token
from frontend.accounts.mails import count_mail, write_about_account
from frontend.accounts.sign_in import check_password, enter
from shared.core.errors import AlreadyExists, NotFound, Permanent, Unavailable
from shared.core.users import User, new_user_id

log = structlog.get_logger()


@blueprint.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """The answer is the same whether or not the address has an account; the e-mail differs."""
    if current_user() is not None:
        return redirect(url_for("pages.home"))
    form = SignUpForm(request.form)
    if request.method != "POST" or not form.validate():
        return render_template("accounts/sign_up.html", form=form), 422 if request.method == "POST" else 200
    email = form.email.data or ""
    count_mail(email)
    _create(email, form.name.data or "", form.password.data or "")
    return _write(email)


@blueprint.post("/confirm-address")
def resend() -> ResponseReturnValue:
    """The e-mail again."""
    form = EmailForm(request.form)
    if not form.validate():
        return redirect(url_for("accounts.sign_up"), 303)
    email = form.email.data or ""
    count_mail(email)
    return _write(email)


@blueprint.route("/confirm-address/<token>", methods=["GET", "POST"])
def verify(token: str) -> ResponseReturnValue:
    """With the link and the password, the address is confirmed and the person signed in."""
    user = _invited(token)
    if user is None:
        return render_template("accounts/dead_link.html", purpose="verify"), 410
    if user.verified_at is not None:
        return redirect(url_for("accounts.sign_in"), 303)
    form = ConfirmForm(request.form)
    page = {"form": form, "email": user.email, "token": token}
    if request.method != "POST" or not form.validate():
        return render_template("accounts/verify.html", **page), 422 if request.method == "POST" else 200
    known = check_password(user.email, form.password.data or "")
    if known is None:
        return render_template("accounts/verify.html", **page, complaint="That is not the password."), 422
    services().users.verify(known.user_id, now=services().now())
    log.info("address confirmed", user_id=known.user_id)
    return enter(known)


def _create(email: str, name: str, password: str) -> None:
    user = User(
        user_id=new_user_id(),
        email=email,
        name=name,
        password_hash=passwords.hash_password(password),
        created_at=services().now(),
    )
    try:
        services().users.create(user)
    except AlreadyExists:
        return  # the e-mail tells its owner, and nobody else
    log.info("account created", user_id=user.user_id)


def _write(email: str) -> ResponseReturnValue:
    try:
        write_about_account(email)
    except Unavailable as error:
        log.warning("account e-mail not sent", error=str(error))
        return render_template("accounts/check_mail.html", email=email, failed=True), 503
    except Permanent as error:
        log.warning("account e-mail refused", error=str(error))
        return render_template("accounts/check_mail.html", email=email, refused=True), 422
    return render_template("accounts/check_mail.html", email=email)


def _invited(token: str) -> User | None:
    link = read_token(token, "verify")
    if link is None:
        return None
    try:
        return services().users.get(link.user_id)
    except NotFound:
        return None
