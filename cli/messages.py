"""`gas messages`: the messages that were accepted, and what became of them.

Exit codes: 0 done as asked, 1 it was not and says why, 2 the command was wrong.
"""

from __future__ import annotations

from datetime import datetime

import click

from cli import messages_view as view
from cli.operator import CHANNELS, Answer, Moment, command, why_option
from cli.people import address_of, id_of
from shared.core.clock import utc_now
from shared.core.errors import NotFound
from shared.core.inbox import EntryState, Head, Query
from shared.inbox.operations import Operations

_MOST_AUDITED = 20


@click.group("messages")
def messages_group() -> None:
    """Accepted messages, their attempts, and the topics they come from."""


@messages_group.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*EntryState], case_sensitive=False),
    help="Only in this state.",
)
@click.option(
    "--topic", "topics", multiple=True, type=click.Choice(CHANNELS), help="Only of this topic. [default: all]"
)
@click.option("--job", default="", help="Only about this job.")
@click.option("--user", default="", help="Only about this user: the e-mail address, or the id.")
@click.option("--since", type=Moment(), help="Only accepted then or later, such as 2h.")
@click.option("--until", type=Moment(), help="Only accepted before.")
@click.option("--error", default="", help="Only with this in the latest error.")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="At most so many.", show_default=True)
@command
def list_messages(
    operations: Operations,
    *,
    states: tuple[EntryState, ...],
    topics: tuple[str, ...],
    job: str,
    user: str,
    since: datetime | None,
    until: datetime | None,
    error: str,
    limit: int,
) -> Answer:
    """List messages, latest first."""
    query = Query(
        routes=topics or [channel.name for channel in operations.channels if channel.has_inbox],
        states=frozenset(map(EntryState, states)) or frozenset(EntryState),
        job_id=job,
        user_id=id_of(operations.users, user),
        since=since,
        until=until,
        error=error,
    )
    heads, has_more = _find(operations, query, limit)
    pauses, now = operations.inbox.pauses(), utc_now()
    document = {
        "messages": [view.listed(head) for head in heads],
        "has_more": has_more,
        "paused": {route: view.paused(pause) for route, pause in pauses.items()},
    }
    return Answer(document, lambda console: view.show_list(console, heads, has_more, pauses, now))


@messages_group.command("show")
@click.argument("entry_id", metavar="ID")
@command
def show_message(operations: Operations, *, entry_id: str) -> Answer:
    """Show a message and its attempts. ID is as in the list: TOPIC#MESSAGE."""
    entry = operations.inbox.get(entry_id)
    if entry is None:
        raise NotFound(f"The inbox has no message {entry_id}; finished ones are forgotten after 30 days.")
    audited, now = operations.audit.of(f"message#{entry_id}", limit=_MOST_AUDITED), utc_now()
    email = address_of(operations.users, entry.about.user_id)
    document = {**view.in_full(entry, audited), "email": email}
    return Answer(document, lambda console: view.show_message(console, entry, email, audited, now))


@messages_group.command("retry")
@click.argument("entry_id", metavar="ID")
@why_option(required=True)
@command
def retry_message(operations: Operations, *, entry_id: str, who: str, why: str) -> Answer:
    """Have a message tried now: one that waits for its next attempt, or a dead one. The letter of a dead one stays in
    the dead-letter queue."""
    before = operations.inbox.get(entry_id)
    entry = operations.desk.retry(entry_id, who=who, why=why)
    said = f"{entry_id} is tried within seconds."
    if before is not None and before.state is EntryState.DEAD:
        said += (
            " Its letter stays in the dead-letter queue; once the message is handled, this takes it out as a duplicate: "
            f"gas dlq replay --queue {entry.route}"
        )
    return Answer(view.in_full(entry, []), lambda console: console.print(said, markup=False, soft_wrap=True))


@messages_group.command("pause")
@click.argument("topic", type=click.Choice(CHANNELS))
@why_option(required=True)
@command
def pause_topic(operations: Operations, *, topic: str, who: str, why: str) -> Answer:
    """Answer a topic's pushes with 503. SNS tries again for about an hour; then they are dead letters."""
    operations.desk.pause(topic, who=who, why=why)
    return Answer(
        {"topic": topic, "paused": True},
        lambda console: console.print(f"{topic} is paused within seconds. What was accepted is handled all the same."),
    )


@messages_group.command("resume")
@click.argument("topic", type=click.Choice(CHANNELS))
@why_option(required=True)
@command
def resume_topic(operations: Operations, *, topic: str, who: str, why: str) -> Answer:
    """Take a topic's pushes again."""
    operations.desk.resume(topic, who=who, why=why)
    return Answer(
        {"topic": topic, "paused": False}, lambda console: console.print(f"{topic} is resumed within seconds.")
    )


def _find(operations: Operations, query: Query, limit: int) -> tuple[list[Head], bool]:
    """So many, and whether there are more. A single answer may be short, or even empty, before the end."""
    heads: list[Head] = []
    start: str | None = None
    while True:
        found = operations.inbox.find(query, limit=limit - len(heads), start=start)
        heads += found.heads
        start = found.next
        if start is None or len(heads) >= limit:
            return heads, start is not None
