"""Everything that GAS knows of a person, for them to keep."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import IO, Any

from flask import send_file
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter

from frontend.access import services, sign_in_required, signed_in_user
from frontend.accounts.blueprint import blueprint
from frontend.limits import allow
from shared.core.jobs import Job, files_of
from shared.core.users import User

DOWNLOADS = (5, timedelta(hours=1))
"""Each reads every job."""
_LATEST = 1000  # entries of the audit log
_IN_MEMORY = 1024 * 1024  # bytes
_NOT_THEIRS = {"password_hash", "session_epoch", "billing_version", "plan_epoch", "announced_epoch"}
"""Machinery: of no use to them, and the hash of use to others."""
_NOT_A_JOBS = {"worker", "fence", "mailed_run", "mail_state", "mail_at", "wait", "restore_epoch"}
_JOB = TypeAdapter(Job)
_USER = TypeAdapter(User)
_README = """Everything that GAS knows of you.

account.json   your account, plan and choices
jobs.json      each job with its summary, newest first
files.csv      each file: its job, where it is, and its size in bytes; download files on the job's page
history.json   what happened to your plan
"""


@blueprint.get("/account/data")
@sign_in_required
def own_data() -> ResponseReturnValue:
    """A zip of JSON files, and a list of files. Raises `TooMany`, `Unavailable`."""
    user = signed_in_user()
    allow(f"data#{user.user_id}", most=DOWNLOADS[0], window=DOWNLOADS[1])
    packed: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the answer closes it
    try:
        write(packed, user)
    except BaseException:
        packed.close()
        raise
    packed.seek(0)
    name = f"gas-{services().now():%Y-%m-%d}.zip"
    return send_file(packed, mimetype="application/zip", as_attachment=True, download_name=name)


def write(target: IO[bytes], user: User) -> None:
    """Writes the zip. Jobs go through one at a time: somebody may have many."""
    files = io.StringIO(newline="")
    rows = csv.writer(files)
    rows.writerow(("job_id", "job", "storage", "key", "bytes", "files"))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("README.txt", _README)
        packed.writestr("account.json", _text(_USER.dump_python(user, mode="json", exclude=_NOT_THEIRS)))
        with packed.open("jobs.json", "w", force_zip64=True) as jobs:
            separator = b"[\n"
            for job in _jobs_of(user.user_id):
                jobs.write(separator + _text(_JOB.dump_python(job, mode="json", exclude=_NOT_A_JOBS)).encode())
                separator = b",\n"
                rows.writerows(
                    (job.job_id, _harmless(job.name), bucket, stored.key, stored.size, job.files)
                    for bucket, stored in files_of(job)
                )
            jobs.write(b"\n]\n" if separator == b",\n" else b"[]\n")
        packed.writestr("files.csv", files.getvalue())
        packed.writestr("history.json", _text(_history(user)))


def _jobs_of(user_id: str) -> Iterator[Job]:
    start: str | None = None
    while True:
        page = services().jobs.by_owner(user_id, limit=100, start=start)
        yield from page.jobs
        if (start := page.next) is None:
            return


def _history(user: User) -> list[dict[str, Any]]:
    subjects = [f"user#{user.user_id}"] + ([f"customer#{user.customer_id}"] if user.customer_id else [])
    entries = [entry for subject in subjects for entry in services().audit.of(subject, limit=_LATEST)]
    return [{**asdict(entry), "at": entry.at.isoformat()} for entry in entries]


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _harmless(name: str) -> str:
    """A file name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
