"""Where a job's files are, in words for its owner: how long they stay, that they are archived, when they are back.
No I/O, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from frontend.jobs.presentation import Badge
from shared.core.jobs import Job, JobState, files_of
from shared.core.retention import FilesState
from shared.core.users import User

EXPEDITED = timedelta(minutes=10)
"""Within which Glacier's expedited restorations of all but the largest files are done, with what follows them."""
STANDARD = timedelta(hours=5)
"""Within which Glacier's standard restorations are done: those that found no expedited capacity, or are large.
Source: "Archive retrieval options", Amazon S3 User Guide."""
_ON_ITS_WAY = timedelta(minutes=1)
"""Longer than messages take to begin a wait."""
_ROUND = timedelta(minutes=5)
"""No promise is more exact than this."""
_SOON = timedelta(days=1)
_IMMINENT = timedelta(minutes=10)
"""Before its end, a wait is watched closely."""


@dataclass(frozen=True)
class Whereabouts:
    """What is said of a job's files when they are not simply here for good."""

    badge: Badge
    title: str
    """Goes on with ``until`` or ``ready_by``, where there is one."""
    words: str
    until: datetime | None = None
    """When they are archived."""
    ready_by: datetime | None = None
    """About when they are back."""
    offers_upgrade: bool = False
    may_ask: bool = False
    """Whether asking for them (again) makes sense."""
    moves: bool = False
    """Whether this changes by itself before long."""


def whereabouts(job: Job, owner: User, now: datetime, retention: timedelta) -> Whereabouts | None:
    """None when there is nothing to say: the files are here, and nothing is about to happen to them."""
    if not job.state.is_final or not files_of(job):
        return None
    match job.files:
        case FilesState.AVAILABLE:
            until = archived_from(job, owner, now, retention)
            return _waiting(job, until, now) if until is not None else None
        case FilesState.RESTORING:
            return _restoring(job, owner, now)
        case FilesState.ARCHIVING | FilesState.ARCHIVED if owner.plan == "premium":
            return Whereabouts(
                badge=Badge("Coming back", "clock", "active"),
                title="Its files are called back from the archive",
                words=f"This begins by itself within a minute. {_no_need_to_wait(owner)}",
                may_ask=True,
                moves=True,
            )
        case FilesState.ARCHIVING:
            return Whereabouts(
                badge=Badge("Being archived", "box", "neutral"),
                title="Its files are being moved to the archive",
                words="Upgrade, and they come back by themselves. The summary stays readable.",
                offers_upgrade=True,
                moves=True,
            )
        case FilesState.ARCHIVED:
            return Whereabouts(
                badge=Badge("Archived", "box", "neutral"),
                title="Its files are archived: upgrade to restore them",
                words="They come back by themselves after an upgrade, mostly within minutes. Nothing is lost, and the "
                "summary stays readable.",
                offers_upgrade=True,
            )


def archived_from(job: Job, owner: User, now: datetime, retention: timedelta) -> datetime | None:
    """When the job's files, which are here, will be archived; None when they will not.

    A wait may still be one from before the owner's plan changed, or begin only now: the job's end, or the change of
    plan, was a moment ago, and the message about it is on its way.
    """
    if owner.plan != "free" or not job.state.is_final or job.files is not FilesState.AVAILABLE or not files_of(job):
        return None
    if job.archive_at is not None:
        return max(job.archive_at, owner.plan_since + retention) if owner.plan_since else job.archive_at
    if job.finished_at is None:
        return None
    since = max(filter(None, (job.finished_at, job.files_at, owner.plan_since)))
    return since + retention if now - since < _ON_ITS_WAY else None


def _waiting(job: Job, until: datetime, now: datetime) -> Whereabouts:
    moves = until - now < _IMMINENT
    if job.state is JobState.FAILED:  # there is nothing to download, and premium would mend nothing
        return Whereabouts(
            badge=Badge("Archive", "clock", "neutral"),
            title="Its files are archived",
            words="You can run it again until then. What went wrong stays readable.",
            until=until,
            moves=moves,
        )
    return Whereabouts(
        badge=Badge("Archive", "clock", "warning" if until - now < _SOON else "neutral"),
        title="Its files are archived",
        words="Download what you need until then. The summary stays readable; with premium, files are always here.",
        until=until,
        offers_upgrade=True,
        moves=moves,
    )


def _restoring(job: Job, owner: User, now: datetime) -> Whereabouts:
    then = "" if owner.plan == "premium" else " Then the time until they are archived begins anew."
    return Whereabouts(
        badge=Badge("Restoring", "clock", "active"),
        title="Its files are being restored",
        words=_no_need_to_wait(owner) + then,
        ready_by=ready_by(job.files_at, now),
        may_ask=True,
        moves=True,
    )


def _no_need_to_wait(owner: User) -> str:
    if owner.mail_blocked or "archive" in owner.mail_off:
        return "You need not wait here."
    return "You need not wait here: we will e-mail you when all of your files are back."


def ready_by(since: datetime | None, now: datetime) -> datetime | None:
    """About when files are back that were asked for at ``since``; None when they should have been here already."""
    if since is None:
        return None
    return next((_rounded(since + time) for time in (EXPEDITED, STANDARD) if since + time > now), None)


def _rounded(moment: datetime) -> datetime:
    """Up, to the next five minutes."""
    beginning = datetime(2000, 1, 1, tzinfo=UTC)
    return beginning + -(-(moment - beginning) // _ROUND) * _ROUND
