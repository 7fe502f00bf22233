"""One's own account."""

from __future__ import annotations

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend import access
from frontend.access import services, settings, sign_in_required, signed_in_user
from frontend.accounts import passwords
from frontend.accounts.blueprint import blueprint
from frontend.accounts.forms import ChangePasswordForm
from frontend.accounts.plan import plan_words
from frontend.accounts.preferences import MAIL_KINDS
from frontend.accounts.sign_in import check_password

log = structlog.get_logger()


@blueprint.get("/account")
@sign_in_required
def account() -> ResponseReturnValue:
    """What GAS knows of the person, and what they may do about it. What takes time (their storage, Stripe's next
    invoice) follows by itself."""
    user = signed_in_user()
    return render_template(
        "accounts/account.html",
        user=user,
        plan=plan_words(user, retention=settings().retention, max_upload_mib=settings().max_upload_mib),
        mail_kinds=MAIL_KINDS,
    )


@blueprint.route("/account/password", methods=["GET", "POST"])
@sign_in_required
def change_password() -> ResponseReturnValue:
    """A new password for whoever knows the old one. Sessions elsewhere end, this one goes on. Raises `TooMany`, and
    `Conflict` when it was changed at the same time elsewhere."""
    form = ChangePasswordForm(request.form)
    if request.method != "POST" or not form.validate():
        page = render_template("accounts/password.html", form=form)
        return page, 422 if request.method == "POST" else 200
    user = check_password(signed_in_user().email, form.current.data or "")
    if user is None:
        wrong = "Your present password is another one."
        return render_template("accounts/password.html", form=form, complaint=wrong), 422
    password_hash = passwords.hash_password(form.password.data or "")
    services().users.set_password(user.user_id, password_hash=password_hash, epoch=user.session_epoch)
    log.info("password changed", user_id=user.user_id)
    access.sign_in(services().users.get(user.user_id))
    flash("Your new password is set. Everybody else who was signed in with the old one is signed out.")
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/sign-out-everywhere")
@sign_in_required
def sign_out_everywhere() -> ResponseReturnValue:
    """Ends every session of theirs, this one included: the epoch rises, the password stays."""
    user = signed_in_user()
    services().users.set_password(user.user_id, password_hash=user.password_hash, epoch=user.session_epoch)
    access.sign_out()
    flash("You are signed out on all devices.")
    return redirect(url_for("pages.home"), 303)
