"""A bucket, its Glacier, and the waits for it, from memory; see `tests.fakes`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from shared.core.errors import NoCapacity, NotFound, Permanent
from shared.core.ports import UploadedPart, UploadForm
from shared.core.retention import ArchivedObject, Tier
from tests.fake_jobs import Fake

MIB = 1024 * 1024


@dataclass
class Parts:
    """An upload in parts that is not complete. ``parts``: number → bytes."""

    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


class FakeObjects(Fake):
    """One bucket. ``objects``: key → bytes; ``content_types``: key → what it was stored with.

    Where the bucket's objects stand in Glacier is here too; `FakeArchive` changes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.archived: set[str] = set()
        """Keys whose storage class is Glacier."""
        self.restoring: dict[str, Tier] = {}
        """Keys for which a temporary copy was asked for and is not there yet."""
        self.copies: dict[str, datetime] = {}
        """Keys that have a temporary copy, and until when."""
        self.uploads: dict[str, Parts] = {}
        """Uploads in parts, by their id."""
        self.smallest_part = 5 * MIB
        """Bytes; S3's own. A test may make it smaller."""
        self._numbers = itertools.count(1)

    def upload_form(self, key: str, *, max_bytes: int, expires: timedelta) -> UploadForm:
        self.reach()
        policy = f"{max_bytes} bytes, {expires.total_seconds():.0f} s"
        return UploadForm("https://bucket.example/", {"key": key, "policy": policy})

    def download_url(self, key: str, *, filename: str, expires: timedelta) -> str:
        self.reach()
        return f"https://bucket.example/{quote(key)}?filename={quote(filename, safe='')}&expires={expires.total_seconds():.0f}"

    def size(self, key: str) -> int | None:
        self.reach()
        return len(self.objects[key]) if key in self.objects else None

    def write(self, key: str, data: bytes, *, content_type: str) -> None:
        self.reach()
        self._forget(key)
        self.objects[key] = data
        self.content_types[key] = content_type

    def read(self, key: str, *, limit: int) -> bytes:
        self.reach()
        return self._readable(key)[:limit]

    def upload(self, path: Path, key: str, *, content_type: str) -> int:
        data = path.read_bytes()
        self.write(key, data, content_type=content_type)
        return len(data)

    def download(self, key: str, path: Path) -> None:
        self.reach()
        path.write_bytes(self._readable(key))

    def start_parts(self, key: str) -> str:
        self.reach()
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = Parts(key)
        return upload_id

    def part_url(self, key: str, upload_id: str, number: int, *, expires: timedelta) -> str:
        self.reach()
        return f"https://bucket.example/{quote(key)}?partNumber={number}&uploadId={upload_id}"

    def put_part(self, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """What a browser does with a `part_url`."""
        self._upload(key, upload_id).parts[number] = data
        return _part(number, data)

    def parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        self.reach()
        return [_part(number, data) for number, data in sorted(self._upload(key, upload_id).parts.items())]

    def complete_parts(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        self.reach()
        there = self._upload(key, upload_id).parts
        chosen = sorted(parts, key=lambda part: part.number)
        if [part.number for part in chosen] != list(range(1, len(chosen) + 1)) or not chosen:
            raise Permanent("A part of the file is missing.")
        for part in chosen:
            if part.number not in there or _part(part.number, there[part.number]).etag != part.etag:
                raise Permanent("A part of the file is missing.")
        if any(len(there[part.number]) < self.smallest_part for part in chosen[:-1]):
            raise Permanent("A part of the file is too small.")
        self.write(key, b"".join(there[part.number] for part in chosen), content_type="binary/octet-stream")
        del self.uploads[upload_id]

    def abort_parts(self, key: str, upload_id: str) -> None:
        self.reach()
        self.uploads.pop(upload_id, None)

    def delete_under(self, prefix: str) -> None:
        self.reach()
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} does not end with a slash")
        self.uploads = {name: one for name, one in self.uploads.items() if not one.key.startswith(prefix)}
        for key in [key for key in self.objects if key.startswith(prefix)]:
            self._forget(key)
            del self.objects[key]
            del self.content_types[key]

    def _readable(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound("There is no such file.")
        if key in self.archived and key not in self.copies:
            raise Permanent("The file is in the archive, where it cannot be read.")
        return self.objects[key]

    def _upload(self, key: str, upload_id: str) -> Parts:
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise NotFound("There is no such upload.")
        return upload

    def _forget(self, key: str) -> None:
        self.archived.discard(key)
        self.restoring.pop(key, None)
        self.copies.pop(key, None)


def _part(number: int, data: bytes) -> UploadedPart:
    return UploadedPart(number, f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"', len(data))


class FakeArchive(Fake):
    """The storage classes of the objects of a `FakeObjects`."""

    def __init__(self, objects: FakeObjects) -> None:
        super().__init__()
        self.objects = objects
        self.asked: list[tuple[str, Tier]] = []
        """The restorations that were begun."""
        self.without_capacity: set[Tier] = set()
        self.before: Callable[[str, str], None] | None = None
        """Called first with the method's name and the key: here a test lets something happen in between."""

    def look(self, key: str) -> ArchivedObject | None:
        self._begin("look", key)
        if key not in self.objects.objects:
            return None
        return ArchivedObject(
            size=len(self.objects.objects[key]),
            archived=key in self.objects.archived,
            restoring=key in self.objects.restoring,
            copy_until=self.objects.copies.get(key),
        )

    def archive(self, key: str) -> None:
        self._begin("archive", key)
        if key in self.objects.objects:
            self.objects.archived.add(key)

    def restore(self, key: str, *, tier: Tier) -> None:
        self._begin("restore", key)
        store = self.objects
        if key not in store.archived or key in store.copies or key in store.restoring:
            return
        if tier in self.without_capacity:
            raise NoCapacity(f"Glacier has no capacity for {tier} restorations now.")
        store.restoring[key] = tier
        self.asked.append((key, tier))

    def make_standard(self, key: str) -> bool:
        self._begin("make_standard", key)
        store = self.objects
        if key not in store.objects or (key in store.archived and key not in store.copies):
            return False
        store.archived.discard(key)
        store.copies.pop(key, None)
        return True

    def finish(self, key: str, *, until: datetime = datetime(2100, 1, 1, tzinfo=UTC)) -> None:
        """The temporary copy that was asked for is there. Nothing happens when none was."""
        if self.objects.restoring.pop(key, None):
            self.objects.copies[key] = until

    def expire(self, key: str) -> None:
        """The temporary copy is gone."""
        self.objects.copies.pop(key, None)

    def _begin(self, method: str, key: str) -> None:
        self.reach()
        if self.before is not None:
            self.before(method, key)


class FakeWaits(Fake):
    """Step Functions. ``started``: (job_id, wait) → (soon_at, due_at), in the order of starting; ``owners``: job_id →
    whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.started: dict[tuple[str, int], tuple[datetime, datetime]] = {}
        self.owners: dict[str, str] = {}

    def start(self, *, job_id: str, user_id: str, wait: int, soon_at: datetime, due_at: datetime) -> None:
        self.reach()
        self.owners[job_id] = user_id
        self.started.setdefault((job_id, wait), (soon_at, due_at))
