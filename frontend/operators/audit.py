"""The audit log: who did what, to whom, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import render_template, request, url_for
from werkzeug.routing import BuildError

from frontend.access import services
from frontend.operators.blueprint import blueprint
from frontend.operators.forms import LONGEST_FIELD
from shared.core.audit import AuditEntry
from shared.inbox.letters import Verdict

PAGE_SIZE = 50
_PAGES = {
    "user": ("operators.user", ("user_id",)),
    "job": ("operators.job", ("job_id",)),
    "message": ("operators.message", ("route", "message_id")),
    "dead-letter": ("operators.letter", ("queue", "letter_id")),
    "subscription": ("operators.subscriptions", ()),
}
"""Kind of a subject → the page about it, and what the rest of the subject is there."""


@blueprint.get("/audit")
def audit() -> str:
    """Newest first; what operators did, or everything, or what concerns one subject. Raises `Permanent` when the token
    in the address is none of ours."""
    subject = request.args.get("subject", "").strip()[:LONGEST_FIELD]
    everything = request.args.get("by") == "everybody"
    start = request.args.get("start") or None
    entries: Sequence[AuditEntry]
    following = None
    if subject:
        entries = services().audit.of(subject, limit=PAGE_SIZE)
    else:
        entries, following = services().audit.latest(limit=PAGE_SIZE, start=start, by_operators=not everything)
    return render_template(
        "operators/audit.html",
        entries=entries,
        next=following,
        start=start,
        subject=subject,
        everything=everything,
    )


def subject_page(entry: AuditEntry) -> str:
    """The address of the page about its subject; empty where there is none."""
    kind, _, rest = entry.subject.partition("#")
    endpoint, names = _PAGES.get(kind, ("", ()))
    parts = rest.split("#") if names else []
    if kind == "dead-letter":
        details = entry.details or {}
        match details.get("verdict"):
            case Verdict.REPLAYED | Verdict.DUPLICATE:  # the letter is gone, its message is in the inbox
                endpoint, names = _PAGES["message"]
                parts = [parts[0], details.get("message_id", "")]
            case Verdict.DISCARDED:
                return ""
    if not endpoint or len(parts) != len(names):
        return ""
    values: dict[str, Any] = dict(zip(names, parts, strict=True))
    try:
        return url_for(endpoint, **values)
    except BuildError:  # an empty part
        return ""
