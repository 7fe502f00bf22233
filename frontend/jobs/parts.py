"""Large uploads, in parts: several at a time, again where the connection broke, on after the page was closed.

Nothing of it is stored here: S3 knows which parts are there, and the browser which upload its file has. The upload's id
opens nothing by itself: it is always used together with the key of a job of whoever asks, and S3 takes no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import abort, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, signed_in_user
from frontend.jobs import intake
from frontend.jobs.blueprint import blueprint
from frontend.jobs.disposal import remove
from shared.core.errors import Conflict, NotFound, Permanent
from shared.core.jobs import Job, JobState
from shared.core.ports import UploadedPart

MIB = 1024 * 1024
PARTS_FROM = 16 * MIB
"""Files of this size and more go in parts, where the plan has that."""
SMALLEST_PART = 8 * MIB
"""S3 takes no part below 5 MiB, but for the last."""
MOST_PARTS = 10_000
"""Of one object in S3."""
ADDRESSES_AT_ONCE = 100
ADDRESS_LIFE = timedelta(hours=1)
"""How long a browser may begin to send a part that it was given an address for."""
_NAMED = 5
"""Missing parts that are named."""
_UPLOAD_ID = re.compile(r"[\x21-\x7e]{1,1024}")


class Incomplete(Conflict):
    """Parts are missing, or not whole."""


@dataclass(frozen=True)
class Division:
    """How a file of ``size`` bytes is divided."""

    size: int

    @property
    def part_size(self) -> int:
        """Of every part but the last, in bytes: whole MiB, larger where there would be too many parts."""
        return max(SMALLEST_PART, -(-self.size // (MOST_PARTS * MIB)) * MIB)

    @property
    def count(self) -> int:
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Of the part with this number, 1 to `count`."""
        return self.part_size if number < self.count else self.size - (self.count - 1) * self.part_size

    def whole(self, there: Sequence[UploadedPart]) -> list[UploadedPart]:
        """Those of the parts that belong to the file and have the size that they should have, by number."""
        fitting = {p.number: p for p in there if 1 <= p.number <= self.count and p.size == self.size_of(p.number)}
        return [fitting[number] for number in sorted(fitting)]


def start(job: Job, size: int) -> dict[str, Any]:
    """Begins an upload in parts. Answers what the browser needs to know of it."""
    division = Division(size)
    return {
        "upload_id": services().inputs.start_parts(job.input.key),
        "size": size,
        "part_size": division.part_size,
        "count": division.count,
        "look": url_for("jobs.look_at_parts", job_id=job.job_id),
        "addresses": url_for("jobs.part_addresses", job_id=job.job_id),
        "complete": url_for("jobs.complete_parts", job_id=job.job_id),
    }


@blueprint.post("/<job_id>/parts")
def look_at_parts(job: Job) -> ResponseReturnValue:
    """Which parts are there (``have``), or whether all are one object already (``stored``). 404 when there is no such
    upload any more."""
    upload_id, division = _given()
    if job.state is not JobState.CREATED:
        return _further_on(job, division)
    try:
        there = division.whole(services().inputs.parts(job.input.key, upload_id))
    except NotFound:
        _require_stored(job, division)
        return jsonify({"stored": True, "have": []})
    return jsonify({"stored": False, "have": [part.number for part in there]})


@blueprint.post("/<job_id>/parts/addresses")
def part_addresses(job: Job) -> ResponseReturnValue:
    """Where to PUT the parts with these ``numbers``."""
    upload_id, division = _given()
    if job.state is not JobState.CREATED:
        abort(404)
    numbers = request.get_json().get("numbers")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= ADDRESSES_AT_ONCE:
        raise Permanent(f"The numbers of 1 to {ADDRESSES_AT_ONCE} parts are needed.")
    if not all(type(number) is int and 1 <= number <= division.count for number in numbers):
        raise Permanent(f"Parts are numbered from 1 to {division.count:,}.")
    inputs = services().inputs
    return jsonify(
        {
            "addresses": {
                str(number): inputs.part_url(job.input.key, upload_id, number, expires=ADDRESS_LIFE)
                for number in numbers
            }
        }
    )


@blueprint.post("/<job_id>/parts/complete")
def complete_parts(job: Job) -> ResponseReturnValue:
    """Makes the parts one object. Harmless when repeated. Raises `Incomplete`; 404 as `look_at_parts`.

    What S3 has counts, whatever order it came in; nobody has to be believed about it.
    """
    upload_id, division = _given()
    if job.state is not JobState.CREATED:
        return _further_on(job, division)
    try:
        whole = division.whole(services().inputs.parts(job.input.key, upload_id))
        if len(whole) < division.count:
            raise Incomplete(_missing(division, {part.number for part in whole}))
        services().inputs.complete_parts(job.input.key, upload_id, whole)
    except NotFound:
        _require_stored(job, division)
    return jsonify({"stored": True})


@blueprint.post("/<job_id>/parts/discard")
def discard_parts(job: Job) -> ResponseReturnValue:
    """The upload is given up: it and its job go away. Not a job that has its file already."""
    if job.state is not JobState.CREATED:
        abort(404)
    services().inputs.abort_parts(job.input.key, _upload_id(_body()))
    remove(job)
    return jsonify({})


def _given() -> tuple[str, Division]:
    """What every request about parts says: ``upload_id``, and the file's ``size`` in bytes. Raises `TooLarge` when the
    owner's plan does not take such a file (any more)."""
    body = _body()
    size = body.get("size")
    if type(size) is not int or size < 1:
        raise Permanent("The size of the file in bytes is needed.")
    intake.check_size(size, signed_in_user())
    return _upload_id(body), Division(size)


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise Permanent("The upload's id is needed.")
    return body


def _upload_id(body: dict[str, Any]) -> str:
    found = body.get("upload_id")
    if not isinstance(found, str) or not _UPLOAD_ID.fullmatch(found):
        raise Permanent("The upload's id is needed.")
    return found


def _further_on(job: Job, division: Division) -> ResponseReturnValue:
    """The job has its file, and the browser did not hear of it."""
    if job.input.size != division.size:
        abort(404)
    return jsonify({"stored": True, "have": []})


def _require_stored(job: Job, division: Division) -> None:
    """404 unless the whole file is there: then the upload is only gone because it was completed."""
    if services().inputs.size(job.input.key) != division.size:
        abort(404)


def _missing(division: Division, whole: set[int]) -> str:
    missing = [number for number in range(1, division.count + 1) if number not in whole]
    named = ", ".join(f"{number:,}" for number in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    return f"Of {division.count:,} parts, {named}{more} are missing or not whole. Send them again."
