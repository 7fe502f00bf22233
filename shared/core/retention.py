"""Where a job's files are, and what moves them: retention, archive, restoration. Nothing here does I/O.

::

    AVAILABLE ──begin_archive──▶ ARCHIVING ──archived──▶ ARCHIVED
        ▲                            │                      │
        └──restored── RESTORING ◀────┴─────begin_restore────┘

Only a job in a final state is archived. `Job.wait` numbers its waits: whatever is said of an earlier wait is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol


class FilesState(StrEnum):
    """Where a job's files are."""

    AVAILABLE = "AVAILABLE"
    """In standard storage (or not there yet)."""
    ARCHIVING = "ARCHIVING"
    """Being moved to Glacier: some may be there already."""
    ARCHIVED = "ARCHIVED"
    """All in Glacier."""
    RESTORING = "RESTORING"
    """On their way back: some may be there already."""


FILE_TRANSITIONS: Mapping[FilesState, frozenset[FilesState]] = {
    FilesState.AVAILABLE: frozenset({FilesState.ARCHIVING, FilesState.RESTORING}),
    FilesState.ARCHIVING: frozenset({FilesState.ARCHIVED, FilesState.RESTORING}),
    FilesState.ARCHIVED: frozenset({FilesState.RESTORING}),
    FilesState.RESTORING: frozenset({FilesState.AVAILABLE}),
}
"""AVAILABLE → RESTORING is for files that a late copy took to Glacier after the job had come back."""

Tier = Literal["Expedited", "Standard"]
Bucket = Literal["inputs", "results"]


@dataclass(frozen=True)
class ArchivedObject:
    """How an object stands in S3."""

    size: int
    """Bytes."""
    archived: bool
    """Its storage class is Glacier: it cannot be read, unless a temporary copy is there."""
    restoring: bool = False
    """A temporary copy was asked for and is not there yet."""
    copy_until: datetime | None = None
    """Until when there is a temporary copy; None where there is none."""


class Archive(Protocol):
    """The storage classes of one bucket's objects. Every method may raise `Unavailable`."""

    def look(self, key: str) -> ArchivedObject | None:
        """None where there is no such object."""
        ...

    def archive(self, key: str) -> None:
        """Moves the object to Glacier by copying it onto itself, in parts where it is larger than 5 GiB; its content
        type stays. Harmless when it is there already, or when there is no such object."""
        ...

    def restore(self, key: str, *, tier: Tier) -> None:
        """Asks for a temporary copy. Harmless when one is asked for or there already, when the object is not in Glacier
        or gone. Raises `NoCapacity` when this tier has none."""
        ...

    def make_standard(self, key: str) -> bool:
        """Moves an object that has a temporary copy (or was never archived) to standard storage. False when there is no
        temporary copy, or no such object."""
        ...


class Waits(Protocol):
    """Step Functions: the waits of jobs before they are archived."""

    def start(self, *, job_id: str, user_id: str, wait: int, soon_at: datetime, due_at: datetime) -> None:
        """Starts the wait of this user's job, which publishes two `ArchiveDue` messages: step ``soon`` at ``soon_at``,
        step ``due`` at ``due_at``. Harmless when repeated: a wait has one execution, named after the job and its number."""
        ...
