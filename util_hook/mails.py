"""The e-mails about jobs. Texts live in templates/; names in them are untrusted and escaped."""

from __future__ import annotations

from dataclasses import dataclass

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

    subject: str
    text: str
    html: str


def job_mail(job: Job, owner: User, public_url: str) -> Mail:
    """What the owner is told about a job that is COMPLETED or FAILED."""
    completed = job.state is JobState.COMPLETED
    name = _one_line(job.name)
    kind = "completed" if completed else "failed"
    context = {"job": job, "name": name, "owner": owner, "link": f"{public_url}/jobs/{job.job_id}"}
    return Mail(
        subject=f"{name} is annotated" if completed else f"{name} could not be annotated",
        text=_environment.get_template(f"job_{kind}.txt").render(context),
        html=_environment.get_template(f"job_{kind}.html").render(context),
    )


def _one_line(name: str) -> str:
    """A file name that cannot break out of a header or a line: control characters gone, at most 80 characters."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    squeezed = " ".join(printable.split()) or "Your file"
    return squeezed if len(squeezed) <= 80 else squeezed[:79] + "…"
