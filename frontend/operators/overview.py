"""The overview: what is wrong now, and how the deliveries go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import current_app, render_template, request, url_for

from frontend.access import services
from frontend.operators.bars import Bar, bars
from frontend.operators.blueprint import blueprint
from frontend.operators.memory import Memory
from frontend.operators.moments import ago, rough
from frontend.operators.surroundings import Surroundings, look_around
from shared.core.errors import GasError
from shared.core.inbox import Pause
from shared.inbox.desk import Overview, Timings

LONG_UNFINISHED = timedelta(minutes=10)
"""A message that was accepted so long ago, and is not finished, is pointed out."""
_ROUND = datetime(1970, 1, 1, tzinfo=UTC)
_SURROUNDINGS_LIFE = timedelta(seconds=5)


@dataclass(frozen=True)
class Period:
    """A stretch of time up to now."""

    words: str
    length: timedelta
    step: timedelta
    """Of its bars."""
    life: timedelta
    """How long its figures are remembered: those of longer ones take longer to find out, and change less."""


PERIODS: Mapping[str, Period] = {
    "1h": Period("the last hour", timedelta(hours=1), timedelta(minutes=2), timedelta(seconds=5)),
    "24h": Period("the last 24 hours", timedelta(hours=24), timedelta(hours=1), timedelta(seconds=30)),
    "7d": Period("the last 7 days", timedelta(days=7), timedelta(hours=6), timedelta(seconds=120)),
}


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: in a sentence, with the page where it is mended."""

    kind: str
    """``error`` or ``warning``."""
    sentence: str
    address: str = ""
    way: str = ""
    """What the link says."""


@dataclass(frozen=True)
class Row:
    """One channel."""

    name: str
    has_inbox: bool
    bars: list[Bar]
    received: int
    handled: int
    retried: int
    dead: int
    oldest: datetime | None
    """When its oldest unfinished message was accepted."""
    dead_letters: int | None
    """None when that cannot be known now."""
    pause: Pause | None
    timings: Timings | None


@blueprint.get("")
def overview() -> str:
    """What is wrong comes first."""
    return render_template("operators/overview.html", **_context())


@blueprint.get("/live")
def overview_live() -> str:
    """The part that changes."""
    return render_template("operators/_overview.html", **_context())


def _context() -> dict[str, object]:
    memory: Memory = current_app.extensions["gas_operators"]
    around = services()
    name = request.args.get("period", "")
    name = name if name in PERIODS else "1h"
    period = PERIODS[name]
    stands = memory.recall("around", life=_SURROUNDINGS_LIFE, find_out=lambda: look_around(around, memory))
    figures, figures_at, trouble = None, None, ""
    try:
        figures_at, figures = memory.recall(f"figures {name}", life=period.life, find_out=lambda: _figures(period))
    except GasError as error:
        trouble = f"The inbox cannot be read: {error}"
    troubles = [*_troubles(stands, trouble), *(_long_unfinished(figures) if figures else ())]
    return {
        "period": name,
        "periods": PERIODS,
        "troubles": sorted(troubles, key=lambda one: ("error", "warning").index(one.kind)),
        "rows": _rows(period, figures, stands),
        "figures_at": figures_at,
        "is_cut": figures is not None and figures.is_cut,
    }


def _figures(period: Period) -> tuple[datetime, Overview]:
    """Bars begin at round times, so that they do not change their heights as time goes by; the last one is under way."""
    now = services().now()
    until = now - (now - _ROUND) % period.step + period.step
    desk = services().operations.desk
    return now, desk.overview(since=until - period.length, until=until, step=period.step)


def _troubles(stands: Surroundings, inbox_trouble: str) -> Iterator[Trouble]:
    for server in stands.servers:
        if server.why_not:
            names = ", ".join(server.channels)
            address = url_for("operators.subscriptions", _anchor=server.channels[0])
            yield Trouble("error", f"The server of {names} is not ready: {server.why_not}", address, "Subscriptions")
    for sentence in (inbox_trouble, *stands.silent):
        if sentence:
            yield Trouble("error", sentence)
    for name, number in stands.counts.items():
        if number:
            letters = "1 dead letter" if number == 1 else f"{number:,} dead letters"
            yield Trouble("error", f"{name}: {letters}.", url_for("operators.letters", queue=name), "Look at them")
    for name, view in stands.channels.items():
        if view.trouble:
            address = url_for("operators.subscriptions", _anchor=name)
            yield Trouble("error", f"{name}: {view.trouble}", address, "Subscriptions")
    for name, pause in stands.pauses.items():
        address = url_for("operators.subscriptions", _anchor=name)
        when = ago(pause.at, services().now())
        yield Trouble("warning", f"{name} was paused by {pause.who} {when}: {pause.why}", address, "Resume it")


def _long_unfinished(figures: Overview) -> Iterator[Trouble]:
    for name, accepted_at in figures.oldest.items():
        age = services().now() - accepted_at
        if age >= LONG_UNFINISHED:
            address = url_for("operators.messages", topic=name, state="unfinished")
            yield Trouble("warning", f"{name}: a message has been unfinished for {rough(age)}.", address, "Look at it")


def _rows(period: Period, figures: Overview | None, stands: Surroundings) -> list[Row]:
    rows = []
    for channel in services().operations.channels:
        totals = figures.totals.get(channel.name, []) if figures else []
        rows.append(
            Row(
                name=channel.name,
                has_inbox=channel.has_inbox,
                bars=bars(totals, period.step),
                received=sum(total.received for total in totals),
                handled=sum(total.handled for total in totals),
                retried=sum(total.retried for total in totals),
                dead=sum(total.dead for total in totals),
                oldest=figures.oldest.get(channel.name) if figures else None,
                dead_letters=stands.counts.get(channel.name),
                pause=stands.pauses.get(channel.name),
                timings=figures.timings.get(channel.name) if figures else None,
            )
        )
    return rows
