"""Which e-mails somebody wants: on the account page, and by the link at the foot of each e-mail."""

from __future__ import annotations

from typing import Final, get_args

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, settings, sign_in_required, signed_in_user
from frontend.accounts.blueprint import blueprint
from frontend.security import proves_otherwise
from shared.core.errors import NotFound
from shared.core.mail_links import UNSUBSCRIBE_PATH, read
from shared.core.users import MailKind

log = structlog.get_logger()

MAIL_KINDS: Final[dict[MailKind, str]] = {
    "completed": "A job is done",
    "failed": "A job failed",
    "archive": "Files are archived soon, were archived, or are back",
}


@blueprint.post("/account/mail")
@sign_in_required
def mail_preferences() -> ResponseReturnValue:
    """Those that are ticked are sent; names that we do not know are none of ours."""
    wanted = request.form.getlist("mail")
    off: tuple[MailKind, ...] = tuple(kind for kind in get_args(MailKind) if kind not in wanted)
    services().users.set_mail_off(signed_in_user().user_id, off)
    flash("Your choice of e-mails is stored.")
    return redirect(url_for("accounts.account"), 303)


@blueprint.route(f"{UNSUBSCRIBE_PATH}<token>", methods=["GET", "POST"])
@proves_otherwise
def unsubscribe(token: str) -> ResponseReturnValue:
    """For whoever has the e-mail, signed in or not. A GET changes nothing: mail scanners follow links. A POST may come
    from the mail program itself (RFC 8058), which has neither cookies nor a token of our forms."""
    found = read(token, settings().secret_keys)
    if found is None:
        return render_template("accounts/unsubscribe.html", kind=None), 404
    user_id, kind = found
    if request.method == "POST":
        _turn_off(user_id, kind)
    page = {"kind": kind, "words": MAIL_KINDS[kind], "token": token, "done": request.method == "POST"}
    return render_template("accounts/unsubscribe.html", **page)


def _turn_off(user_id: str, kind: MailKind) -> None:
    try:
        user = services().users.get(user_id)
        if kind not in user.mail_off:
            services().users.set_mail_off(user_id, (*user.mail_off, kind))
    except NotFound:
        return  # an account that is gone gets no e-mail either
    log.info("unsubscribed", user_id=user_id, kind=kind)
