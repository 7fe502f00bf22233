"""What people see of the local Stripe: Checkout, the bank's question (3D Secure), and the Billing Portal.

A card that is refused is no failure of the page: as at Stripe, the page says so with status 200.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from deploy.local.stripe import subscriptions
from deploy.local.stripe.account import Account
from deploy.local.stripe.cards import (
    CARDS,
    LATER_REFUSALS,
    NEEDS_AUTHENTICATION,
    REFUSALS,
    Card,
    CardInvalid,
    read_card,
)
from deploy.local.stripe.records import Challenge, Checkout, Portal

_NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def blueprint(account: Account) -> Blueprint:
    """Pages that are reached by an id that nobody guesses."""
    pages = Blueprint("pages", __name__)

    def checkout_or_404(session_id: str) -> Checkout:
        found = account.checkouts.get(session_id) or abort(404)
        g.form_targets = [_origin(found.success_url)]  # a form's answer may send the browser there
        return found

    def portal_or_404(session_id: str) -> Portal:
        found = account.portals.get(session_id)
        return abort(404) if found is None or found.customer.deleted else found

    def challenge(**then: object) -> ResponseReturnValue:
        made = Challenge(account.new_id("src"), **then)  # type: ignore[arg-type]  # the fields that go with the purpose
        account.challenges[made.id] = made
        return redirect(url_for("pages.bank", challenge_id=made.id), 303)

    @pages.get("/c/pay/<session_id>")
    def checkout(session_id: str) -> ResponseReturnValue:
        found = checkout_or_404(session_id)
        sentence = _NOT_AUTHENTICATED if request.args.get("authentication") == "failed" else ""
        return _checkout_page(found, sentence)

    @pages.post("/c/pay/<session_id>")
    def subscribe(session_id: str) -> ResponseReturnValue:
        found = checkout_or_404(session_id)
        if found.status == "complete":  # sent twice: paid once
            return redirect(_success_url(found), 303)
        if found.status == "expired":
            return _checkout_page(found)
        try:
            card = _given_card(account)
        except CardInvalid as error:
            return _checkout_page(found, str(error), error.field)
        refusal = REFUSALS.get(card.outcome)
        if refusal is None and card.outcome not in NEEDS_AUTHENTICATION:
            refusal = LATER_REFUSALS.get(card.outcome)
        if refusal is not None:
            return _checkout_page(found, refusal, "number")
        if card.outcome in NEEDS_AUTHENTICATION:
            return challenge(card=card, checkout=found)
        subscriptions.begin(account, found, card)
        return redirect(_success_url(found), 303)

    @pages.get("/3ds/<challenge_id>")
    def bank(challenge_id: str) -> ResponseReturnValue:
        found = account.challenges.get(challenge_id) or abort(404)
        if found.checkout is not None:
            g.form_targets = [_origin(found.checkout.success_url)]
        return render_template("bank.html", challenge=found)

    @pages.post("/3ds/<challenge_id>")
    def answer(challenge_id: str) -> ResponseReturnValue:
        found = account.challenges.pop(challenge_id, None) or abort(404)
        succeeded = request.form.get("answer") == "complete"
        if found.checkout is not None:
            return _after_checkout(account, found.checkout, found.card, succeeded=succeeded)
        portal = found.portal or abort(404)
        if succeeded and found.invoice is not None:
            if found.invoice.status == "open":
                subscriptions.pay(account, found.invoice)
        elif succeeded:
            subscriptions.use_card(account, portal.customer, found.card)
        authentication = None if succeeded else "failed"
        return redirect(url_for("pages.portal", session_id=portal.id, authentication=authentication), 303)

    @pages.get("/p/session/<session_id>")
    def portal(session_id: str) -> ResponseReturnValue:
        found = portal_or_404(session_id)
        sentence = _NOT_AUTHENTICATED if request.args.get("authentication") == "failed" else ""
        return _portal_page(account, found, sentence)

    @pages.post("/p/session/<session_id>/card")
    def change_card(session_id: str) -> ResponseReturnValue:
        found = portal_or_404(session_id)
        try:
            card = _given_card(account)
        except CardInvalid as error:
            return _portal_page(account, found, str(error), error.field)
        if card.outcome in REFUSALS:
            return _portal_page(account, found, REFUSALS[card.outcome], "number")
        if card.outcome in NEEDS_AUTHENTICATION:
            return challenge(card=card, portal=found)
        subscriptions.use_card(account, found.customer, card)
        return redirect(url_for("pages.portal", session_id=session_id), 303)

    @pages.post("/p/session/<session_id>/subscriptions/<subscription_id>/<what>")
    def change_subscription(session_id: str, subscription_id: str, what: str) -> ResponseReturnValue:
        mine = {one.id: one for one in account.subscriptions_of(portal_or_404(session_id).customer)}
        subscription = mine.get(subscription_id) or abort(404)
        if what == "cancel-now":
            subscriptions.cancel(account, subscription, when="now")
        elif what == "cancel-at-period-end":
            subscriptions.cancel(account, subscription, when="period_end")
        elif what == "resume":
            subscriptions.resume(account, subscription)
        else:
            abort(404)
        return redirect(url_for("pages.portal", session_id=session_id), 303)

    @pages.post("/p/session/<session_id>/invoices/<invoice_id>/pay")
    def pay_invoice(session_id: str, invoice_id: str) -> ResponseReturnValue:
        found = portal_or_404(session_id)
        mine = {one.id: one for one in account.invoices_of(found.customer)}
        invoice = mine.get(invoice_id) or abort(404)
        card = found.customer.card
        if invoice.status == "open" and not invoice.subscription.ended:
            if card is not None and card.outcome in LATER_REFUSALS and card.outcome in NEEDS_AUTHENTICATION:
                return challenge(card=card, portal=found, invoice=invoice)
            refusal = subscriptions.refusal_of(card)
            if refusal is not None:
                return _portal_page(account, found, refusal)
            subscriptions.pay(account, invoice)
        return redirect(url_for("pages.portal", session_id=session_id), 303)

    return pages


def _checkout_page(found: Checkout, sentence: str = "", field: str = "") -> str:
    if found.status != "open":
        return render_template("checkout_closed.html", checkout=found, success_url=_success_url(found))
    return render_template("checkout.html", checkout=found, sentence=sentence, wrong=field, cards=CARDS)


def _portal_page(account: Account, found: Portal, sentence: str = "", field: str = "") -> str:
    return render_template(
        "portal.html",
        portal=found,
        subscriptions=account.subscriptions_of(found.customer),
        invoices=account.invoices_of(found.customer),
        sentence=sentence,
        wrong=field,
        cards=CARDS,
    )


def _after_checkout(account: Account, checkout: Checkout, card: Card, *, succeeded: bool) -> ResponseReturnValue:
    if not succeeded:
        return redirect(url_for("pages.checkout", session_id=checkout.id, authentication="failed"), 303)
    if checkout.status == "open":
        subscriptions.begin(account, checkout, card)
    if checkout.status == "expired":
        return redirect(url_for("pages.checkout", session_id=checkout.id), 303)
    return redirect(_success_url(checkout), 303)


def _given_card(account: Account) -> Card:
    form = request.form
    return read_card(form.get("number", ""), form.get("expiry", ""), form.get("cvc", ""), now=account.now())


def _success_url(checkout: Checkout) -> str:
    return checkout.success_url.replace("{CHECKOUT_SESSION_ID}", checkout.id)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
