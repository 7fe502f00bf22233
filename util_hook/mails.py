"""The e-mails. Texts live in templates/; names in them are untrusted and escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from shared.core.jobs import Job, JobState
from shared.core.users import User

_environment = Environment(
    loader=PackageLoader("util_hook"),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Mail:
    """One e-mail, ready to send."""

    kind: str
    """Its template's name."""
    subject: str
    text: str
    html: str
    stop_link: str
    """Where its kind is turned off."""


def job_mail(job: Job, owner: User, public_url: str, stop_link: str) -> Mail:
    """What the owner is told about a job that is COMPLETED or FAILED."""
    completed = job.state is JobState.COMPLETED
    name = _one_line(job.name)
    return _mail(
        "job_completed" if completed else "job_failed",
        f"{name} is annotated" if completed else f"{name} could not be annotated",
        owner,
        f"{public_url}/jobs/{job.job_id}",
        stop_link,
        job=job,
        name=name,
    )


def soon_mail(jobs: Sequence[Job], owner: User, public_url: str, stop_link: str, *, are_more: bool) -> Mail:
    """The files of these jobs are archived soon. ``are_more``: and those of others."""
    listed = [
        (_one_line(job.name), f"{public_url}/jobs/{job.job_id}", job.archive_at) for job in jobs if job.archive_at
    ]
    few = listed[0][0] if len(listed) == 1 and not are_more else "Some of your files"
    link = f"{public_url}/account"
    return _mail(
        "archived_soon", f"{few} will be archived soon", owner, link, stop_link, listed=listed, are_more=are_more
    )


def archived_mail(job: Job, owner: User, public_url: str, stop_link: str) -> Mail:
    """This job's files are archived, the first of that day."""
    name = _one_line(job.name)
    return _mail("archived", f"{name} is archived", owner, f"{public_url}/account", stop_link, name=name)


def restored_mail(owner: User, public_url: str, stop_link: str) -> Mail:
    """All files of the owner's are back."""
    return _mail("restored", "Your files are back", owner, f"{public_url}/jobs", stop_link)


def _mail(template: str, subject: str, owner: User, link: str, stop_link: str, **more: Any) -> Mail:
    context = {"owner": owner, "link": link, "stop_link": stop_link, **more}
    text, html = (_environment.get_template(f"{template}.{kind}").render(context) for kind in ("txt", "html"))
    return Mail(template, subject, text, html, stop_link)


def _moment(moment: datetime) -> str:
    """As people read it: ``6 March 2026, 12:00 UTC``."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


_environment.filters["moment"] = _moment


def _one_line(name: str) -> str:
    """A file name that cannot break out of a header or a line: control characters gone, at most 80 characters."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    squeezed = " ".join(printable.split()) or "Your file"
    return squeezed if len(squeezed) <= 80 else squeezed[:79] + "…"
