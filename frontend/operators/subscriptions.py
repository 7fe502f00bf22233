"""The push subscriptions: how each stands, when it was delivered to last, and stopping and resuming its pushes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services
from frontend.operators import policy
from frontend.operators.blueprint import blueprint, operations, who
from frontend.operators.forms import ReasonForm
from frontend.operators.messages import inbox_channels
from frontend.operators.surroundings import ChannelView, ask_servers, look_at
from frontend.services import Services
from shared.core.channels import Channel
from shared.core.errors import Conflict
from shared.core.inbox import Pause, Query

log = structlog.get_logger()

_AT_ONCE = 4


@dataclass(frozen=True)
class Row:
    """One channel as the page shows it."""

    channel: Channel
    view: ChannelView
    last: datetime | None
    """When the latest push was accepted; None where there was none in 30 days, or nobody can say."""
    pause: Pause | None
    not_ready: Sequence[str] = ()
    """Why a server that it is pushed to does not take pushes now, a sentence each."""


@blueprint.get("/subscriptions")
def subscriptions() -> str:
    """Each channel's, in the order of a job's life."""
    return _page(ReasonForm(), complaining="")


@blueprint.post("/subscriptions/<route>/pause")
def pause(route: str) -> ResponseReturnValue:
    """Its pushes are answered 503 from now on."""
    form = _require(route)
    if not form.validate():
        return _page(form, complaining=route), 422
    operations().desk.pause(route, who=who(), why=form.why.data or "")
    log.warning("pushes paused", route=route, who=who())
    flash(f"The pushes of {route} are refused from now on. What was accepted before is still worked on.")
    return redirect(url_for("operators.subscriptions"), 303)


@blueprint.post("/subscriptions/<route>/resume")
def resume(route: str) -> ResponseReturnValue:
    """Its pushes are accepted again."""
    form = _require(route)
    if not form.validate():
        return _page(form, complaining=route), 422
    try:
        operations().desk.resume(route, who=who(), why=form.why.data or "")
    except Conflict as error:
        flash(str(error), "info")
    else:
        log.warning("pushes resumed", route=route, who=who())
        flash(f"The pushes of {route} are accepted again. What SNS gave up meanwhile is among the dead letters.")
    return redirect(url_for("operators.subscriptions"), 303)


def _page(form: ReasonForm, *, complaining: str) -> str:
    around = services()
    pauses = around.inbox.pauses()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="subscriptions") as pool:
        rows = list(pool.map(lambda one: _row(around, one, pauses.get(one.name)), operations().channels))
        servers = ask_servers(around.readiness, {row.channel.name: row.view for row in rows}, pool)
    rows = [
        replace(row, not_ready=[one.why_not for one in servers if one.why_not and row.channel.name in one.channels])
        for row in rows
    ]
    return render_template(
        "operators/subscriptions.html", rows=rows, form=form, complaining=complaining, policy_in_words=policy.in_words
    )


def _row(around: Services, channel: Channel, paused: Pause | None) -> Row:
    latest = around.inbox.find(Query(routes=[channel.name]), limit=1).heads if channel.has_inbox else ()
    view = look_at(around.operations.subscriptions, channel)
    return Row(channel, view, latest[0].accepted_at if latest else None, paused)


def _require(route: str) -> ReasonForm:
    if route not in inbox_channels():
        abort(404)
    return ReasonForm(request.form)
