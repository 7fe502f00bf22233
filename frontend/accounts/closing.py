"""How an account ends."""

from __future__ import annotations

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend import access
from frontend.access import services, sign_in_required, signed_in_user
from frontend.accounts.blueprint import blueprint
from frontend.accounts.forms import ConfirmForm
from frontend.accounts.sign_in import check_password
from frontend.tracing import request_id
from shared.billing.refresh import announce
from shared.core.audit import AuditEntry
from shared.core.errors import Retryable
from shared.core.users import User

log = structlog.get_logger()

_TRIES = 3


@blueprint.route("/account/delete", methods=["GET", "POST"])
@sign_in_required
def delete_account() -> ResponseReturnValue:
    """Asks for the password: an open laptop is not its owner. Raises `TooMany`, and `Unavailable` when Stripe does not
    answer, with nothing deleted."""
    user = signed_in_user()
    form = ConfirmForm(request.form)
    if request.method != "POST" or not form.validate():
        page = render_template("accounts/delete.html", form=form, user=user)
        return page, 422 if request.method == "POST" else 200
    if check_password(user.email, form.password.data or "") is None:
        wrong = "That is not your password."
        return render_template("accounts/delete.html", form=form, user=user, complaint=wrong), 422
    close(user)
    access.sign_out()
    flash("Your account is closed. Your files and what we know of you are being deleted.")
    return redirect(url_for("pages.home"), 303)


def close(user: User) -> None:
    """Ends the subscription, shuts the account, and has everything deleted. Harmless when repeated.

    The subscription ends first: once the account is gone, nobody is left who knew the customer. The customer stays at
    Stripe with its invoices, which accounting has to keep, and the audit log remembers that it is nobody's any more,
    so that a payment made in another tab meanwhile is ended too.
    """
    now = services().now()
    if user.customer_id:
        services().billing.close(user.customer_id)
        what = "The account was deleted by its owner, and its subscriptions were cancelled."
        services().audit.record(AuditEntry(f"customer#{user.customer_id}", "closed", now, user.user_id, what))
    closed = services().users.close(user.user_id, now=now)
    log.info("account closed", user_id=user.user_id)
    for _ in range(_TRIES):
        try:
            announce(
                closed,
                users=services().users,
                topics=services().topics,
                account_changes_topic=services().account_changes_topic,
                request_id=request_id(),
            )
        except Retryable as error:  # nobody can come back and try again: the daily reconciliation does
            log.warning("closing not announced yet", user_id=user.user_id, error=str(error))
        else:
            return
