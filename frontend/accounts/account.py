"""One's own account."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from frontend import access
from frontend.access import services, sign_in_required, signed_in_user
from frontend.accounts.blueprint import blueprint


@blueprint.get("/account")
@sign_in_required
def account() -> ResponseReturnValue:
    """What GAS knows of the person."""
    return render_template("accounts/account.html", user=signed_in_user())


@blueprint.post("/account/sign-out-everywhere")
@sign_in_required
def sign_out_everywhere() -> ResponseReturnValue:
    """Ends every session of theirs, this one included: the epoch rises, the password stays."""
    user = signed_in_user()
    services().users.set_password(user.user_id, password_hash=user.password_hash, epoch=user.session_epoch)
    access.sign_out()
    flash("You are signed out on all devices.")
    return redirect(url_for("pages.home"), 303)
