"""The messages that were accepted: the list with its filter, one message with its attempts, and trying it again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

import structlog
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from frontend.access import services
from frontend.operators.blueprint import blueprint, operations, who
from frontend.operators.forms import LONGEST_FIELD, ReasonForm
from frontend.operators.moments import read_moment
from shared.core.errors import Conflict, Permanent
from shared.core.inbox import Attempt, Entry, EntryState, Found, Head, Query
from shared.core.users import normalise_email

log = structlog.get_logger()

PAGE_SIZE = 50
LOOKS = 5
"""How often the table is asked for one page: each time it looks through a bounded part and may find nothing in it."""
STATES = {
    "": ("any state", frozenset(EntryState)),
    "unfinished": ("not finished", frozenset({EntryState.RECEIVED, EntryState.RUNNING})),
    "waiting": ("waiting", frozenset({EntryState.RECEIVED})),
    "running": ("running", frozenset({EntryState.RUNNING})),
    "done": ("done", frozenset({EntryState.DONE})),
    "dead": ("dead", frozenset({EntryState.DEAD})),
}
"""Value in the address → words and states."""
_MESSAGE_ID = re.compile(r"[0-9A-Fa-f-]{36}")
FIELDS = ("topic", "state", "job", "user", "since", "until", "error")


@dataclass
class MessageFilter:
    """Which messages, as the address says it."""

    values: dict[str, str]
    complaints: dict[str, str] = field(default_factory=dict)
    """Field → what is wrong with it, after `query` was read."""

    @classmethod
    def of(cls, arguments: MultiDict[str, str]) -> MessageFilter:
        """Unknown fields are none of ours."""
        return cls({name: arguments.get(name, "").strip()[:LONGEST_FIELD] for name in FIELDS})

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return any(self.values.values())

    def address(self, start: str = "") -> str:
        """The address of the list under this filter. ``start``: of what follows from there, and then it has the moments
        that `query` has, for ``2h`` will be another one when somebody goes on."""
        given = {name: value for name, value in self.values.items() if value}
        if start:
            moments = {"since": self.query.since, "until": self.query.until}
            given |= {name: moment.isoformat() for name, moment in moments.items() if moment}
            given["start"] = start
        text = urlencode(given)
        return url_for("operators.messages") + (f"?{text}" if text else "")

    @cached_property
    def query(self) -> Query:
        """What to ask the inbox for; `complaints` says which fields were left out because they say nothing."""
        names = inbox_channels()
        topic, state = self.values["topic"], self.values["state"]
        if topic and topic not in names:
            self.complaints["topic"] = "There is no such topic."
        if state not in STATES:
            self.complaints["state"] = "There is no such state."
        return Query(
            routes=[topic] if topic in names else names,
            states=STATES.get(state, STATES[""])[1],
            job_id=self.values["job"],
            user_id=self._user_id(),
            since=self._moment("since"),
            until=self._moment("until"),
            error=self.values["error"],
        )

    def _user_id(self) -> str:
        typed = self.values["user"]
        if "@" not in typed:
            return typed
        user = services().users.by_email(normalise_email(typed))
        if user is None:
            self.complaints["user"] = "Nobody has this address."
            return ""
        return user.user_id

    def _moment(self, name: str) -> datetime | None:
        try:
            return read_moment(self.values[name], services().now())
        except Permanent as error:
            self.complaints[name] = str(error)
            return None


def inbox_channels() -> list[str]:
    """The names of the channels whose messages go through the inbox."""
    return [channel.name for channel in operations().channels if channel.has_inbox]


@blueprint.get("/messages")
def messages() -> ResponseReturnValue:
    """Latest first. Raises `Permanent` when the token in the address is none of ours."""
    wanted = MessageFilter.of(request.args)
    query = wanted.query
    start = request.args.get("start") or None
    found = Found((), None) if wanted.complaints else _find(query, start)
    page = render_template(
        "operators/messages.html",
        filter=wanted,
        found=found,
        start=start,
        topics=[("", "every topic"), *((name, name) for name in inbox_channels())],
        states=[(value, words) for value, (words, _) in STATES.items()],
    )
    return page, 422 if wanted.complaints else 200


@blueprint.get("/messages/<route>/<message_id>")
def message(route: str, message_id: str) -> str:
    """One message: what it is about, each attempt, the envelope. 404 for one that is not known (any more)."""
    return _message_page(_entry(route, message_id), ReasonForm())


@blueprint.post("/messages/<route>/<message_id>/retry")
def retry(route: str, message_id: str) -> ResponseReturnValue:
    """Has it tried at once: one that waits for its next attempt, or one that is dead."""
    entry = _entry(route, message_id)
    form = ReasonForm(request.form)
    if not form.validate():
        return _message_page(entry, form), 422
    try:
        operations().desk.retry(entry.entry_id, who=who(), why=form.why.data or "")
    except Conflict as error:
        flash(str(error), "error")
    else:
        log.info("message retried", entry_id=entry.entry_id, who=who())
        flash("It is tried now: within a few seconds a server takes it up.")
    return redirect(url_for("operators.message", route=route, message_id=message_id), 303)


def _find(query: Query, start: str | None) -> Found:
    """One page. The table may need several looks for it."""
    heads: list[Head] = []
    for _ in range(LOOKS):
        found = services().inbox.find(query, limit=PAGE_SIZE - len(heads), start=start)
        heads += found.heads
        start = found.next
        if start is None or len(heads) >= PAGE_SIZE:
            break
    return Found(heads, start)


def _entry(route: str, message_id: str) -> Entry:
    if route not in inbox_channels() or not _MESSAGE_ID.fullmatch(message_id):
        abort(404)
    return services().inbox.get(f"{route}#{message_id}") or abort(404)


def _message_page(entry: Entry, form: ReasonForm) -> str:
    return render_template("operators/message.html", entry=entry, attempts=numbered(entry), form=form)


def numbered(entry: Entry) -> list[tuple[int, Attempt]]:
    """The attempts that ended, each with its number: an entry remembers only the latest ones."""
    ended = entry.fence - (1 if entry.state is EntryState.RUNNING else 0)
    return list(enumerate(entry.history, ended - len(entry.history) + 1))
