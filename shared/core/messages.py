"""One model per message that travels over SNS. Producer and consumer both use these and nothing else.

A field may be added with a default; a field is never renamed or removed while messages of the old shape may still
wait in a dead-letter queue (14 days). Unknown fields are ignored, so that an old server understands a newer one.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.core.errors import Permanent
from shared.core.inbox import About

_Id = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")


class Message(BaseModel):
    """What all messages have in common."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    request_id: str = Field(default="", max_length=128)
    """The browser's request that began it all; follows the job through every log."""

    def to_json(self) -> str:
        """The text to publish."""
        return self.model_dump_json()

    def about(self) -> About:
        """Whom and what it is about."""
        return About(
            job_id=getattr(self, "job_id", ""), user_id=getattr(self, "user_id", ""), request_id=self.request_id
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The message in ``text``. Raises `Permanent` with what is wrong with it."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise Permanent(f"This is not {cls._kind()}: {_what_is_wrong(error)}.") from None

    @classmethod
    def _kind(cls) -> str:
        """With its article."""
        if cls is Message:
            return "a message"
        return f"{'an' if cls.__name__.startswith(tuple('AEIOU')) else 'a'} {cls.__name__} message"


class JobRequested(Message):
    """Topic ``job-requests``: frontend → annotator. Annotate this job's input."""

    job_id: str = _Id
    run: int = Field(ge=1)
    """Counts the times a job was started; an announcement of an earlier run is stale."""
    user_id: str = Field(default="", max_length=128, pattern=r"^[A-Za-z0-9_-]*$")
    """Its owner: what is left of a job that was deleted meanwhile lies under this id. Older messages lack it."""


class JobFinished(Message):
    """Topic ``job-results``: annotator → util. The job reached a final state; tell its owner."""

    job_id: str = _Id
    run: int = Field(ge=1)
    outcome: Literal["COMPLETED", "FAILED"]
    user_id: str = Field(default="", max_length=128, pattern=r"^[A-Za-z0-9_-]*$")
    """The job's owner. Older messages lack it."""


class AccountChanged(Message):
    """Topic ``account-changes``: frontend → util, and util → util for the next page of jobs.

    Something about the account changed (plan, or it was closed): look at how it stands *now* and bring its jobs in
    line. A message is a nudge; it carries no plan.
    """

    user_id: str = _Id
    epoch: int = Field(ge=0)
    """`User.plan_epoch` when it was published; a later one has a message of its own."""
    cursor: str = Field(default="", max_length=1024)
    """`Page.next` of the jobs to go on with; empty at the beginning."""


class ArchiveDue(Message):
    """Topic ``archive-due``: Step Functions → util. A job's wait has come to a point."""

    job_id: str = _Id
    wait: int = Field(ge=1)
    """`Job.wait`; of an earlier wait it is stale."""
    step: Literal["soon", "due"]
    user_id: str = Field(default="", max_length=128, pattern=r"^[A-Za-z0-9_-]*$")
    """The job's owner. Older messages lack it."""


class RestoreRequested(Message):
    """Topic ``restore-requests``: util, frontend, restore function → util. Look at where the job's files are and take
    the next step towards where they should be: back, if its owner may have them; waiting for the archive, if they are
    here and its owner is free."""

    job_id: str = _Id
    user_id: str = _Id
    epoch: int = Field(default=0, ge=0)
    """`User.plan_epoch` of the upgrade that asked; 0 when nobody did (a file came back)."""


class MailEvent(BaseModel):
    """Topic ``mail-feedback``: SES → util. The part of an SES event record that GAS acts upon.

    Source: "Examples of event data that Amazon SES publishes to Amazon SNS", Amazon SES Developer Guide.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    class Mail(BaseModel):
        """The e-mail that the event is about."""

        messageId: str  # noqa: N815 - SES's own name
        destination: list[str] = []
        tags: dict[str, list[str]] = {}

    class Bounce(BaseModel):
        """Only permanent bounces make an address unusable."""

        bounceType: str  # noqa: N815 - SES's own name

    eventType: str  # noqa: N815 - SES's own name
    mail: Mail
    bounce: Bounce | None = None

    def about(self) -> About:
        """The job whose e-mail it was, where it was one's, to whom it went, and the request that began it all."""
        told = (next(iter(self.mail.tags.get(name, ())), "") for name in ("job_id", "user_id", "request_id"))
        return About(*told)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The event in ``text``. Raises `Permanent` with what is wrong with it."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise Permanent(f"This is not an SES event: {_what_is_wrong(error)}.") from None


def _what_is_wrong(error: ValidationError) -> str:
    """The first field that is wrong, how, and how many more are: ``user_id: Field required (and 1 more)``."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    others = error.error_count() - 1
    return f"{where}{': ' if where else ''}{first['msg']}{f' (and {others} more)' if others else ''}"
