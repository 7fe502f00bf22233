"""The jobs table in DynamoDB.

Keyed by ``job_id``; index ``by-owner`` (``user_id``, ``created_at``); index ``unannounced`` (``unannounced``,
``queued_at``), which holds only the jobs that still wait to be announced; index ``away`` (``away_owner``,
``files_at``), which holds only the jobs whose files are not AVAILABLE, by owner and where the files are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws import page_token
from shared.aws.items import Item, from_item, to_attribute, to_item, to_plain
from shared.aws.job_files import (
    AVAILABLE,
    AVAILABLE_VALUES,
    NEXT_WAIT,
    NEXT_WAIT_VALUES,
    JobFiles,
    away_owner,
    refusal,
)
from shared.aws.table import ConditionFailed
from shared.core.clock import to_iso
from shared.core.errors import AlreadyExists
from shared.core.jobs import (
    FINAL_STATES,
    Job,
    JobError,
    JobState,
    Ledger,
    PackQuestion,
    Progress,
    StoredFile,
    sources_of,
)
from shared.core.ports import MailClaim, Page, Work
from shared.core.retention import FilesState

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

_WAITING = "yes"
_HELD = "#run = :run AND #worker = :worker AND #fence = :fence"


class DynamoJobs(JobFiles):
    """Implements `shared.core.ports.Jobs`."""

    def create(self, job: Job) -> None:
        item = to_item(job)
        if job.files is not FilesState.AVAILABLE:
            item["away_owner"] = {"S": away_owner(job.user_id, job.files)}
        try:
            self._table.put_new(item)
        except ConditionFailed:
            raise AlreadyExists(f"Job {job.job_id} exists already.") from None

    def by_owner(self, user_id: str, *, limit: int, start: str | None = None) -> Page:
        request: QueryInputTypeDef = {
            "TableName": self._name,
            "IndexName": "by-owner",
            "KeyConditionExpression": "user_id = :user_id",
            "ExpressionAttributeValues": {":user_id": {"S": user_id}},
            "ScanIndexForward": False,
        }
        if start is not None:
            created_at, job_id = page_token.decode(start, user_id)
            request["ExclusiveStartKey"] = {
                "user_id": {"S": user_id},
                "created_at": {"S": created_at},
                "job_id": {"S": job_id},
            }
        jobs = self._query(request, limit + 1)  # one more, to know whether there is more
        more = len(jobs) > limit
        jobs = jobs[:limit]
        return Page(
            jobs, page_token.encode(user_id, to_iso(jobs[-1].created_at), jobs[-1].job_id) if more and jobs else None
        )

    def submit(self, job_id: str, *, size: int, pack: str, why: str, request_id: str, now: datetime) -> Job:
        return self._transition(
            job_id,
            JobState.QUEUED,
            sources={JobState.CREATED},
            values={
                "size": size,
                "pack": pack,
                "pack_why": why,
                "request_id": request_id,
                "now": to_iso(now),
                "waiting": _WAITING,
            },
            changes={
                "input.#size": ":size",
                "pack": ":pack",
                "pack_why": ":pack_why",
                "request_id": ":request_id",
                "queued_at": ":now",
                "updated_at": ":now",
                "unannounced": ":waiting",
            },
            remove=("pack_question",),
        )

    def ask(self, job_id: str, *, size: int, question: PackQuestion, now: datetime) -> Job:
        return self._transition(
            job_id,
            JobState.CREATED,
            sources={JobState.CREATED},
            values={"size": size, "question": to_plain(question), "now": to_iso(now)},
            changes={"input.#size": ":size", "pack_question": ":question", "updated_at": ":now"},
        )

    def run_again(self, job_id: str, *, run: int, request_id: str, now: datetime) -> Job:
        return self._transition(
            job_id,
            JobState.QUEUED,
            sources=FINAL_STATES,
            condition=f"#run = :run AND ({AVAILABLE})",
            values={
                **AVAILABLE_VALUES,
                **NEXT_WAIT_VALUES,
                "run": run,
                "next_run": run + 1,
                "request_id": request_id,
                "now": to_iso(now),
                "waiting": _WAITING,
                "nobody": "",
            },
            changes={
                "run": ":next_run",
                "request_id": ":request_id",
                "queued_at": ":now",
                "updated_at": ":now",
                "unannounced": ":waiting",
                "worker": ":nobody",
                "fence": ":zero",
                "wait": NEXT_WAIT,
            },
            remove=("started_at", "finished_at", "progress", "ledger", "summary", "results", "error", "archive_at"),
        )

    def announced(self, job_id: str, *, run: int) -> None:
        try:
            self._table.update(
                job_id,
                condition="#run = :run",
                values={"run": run},
                changes={},
                remove=("unannounced",),
                is_repeatable=True,  # the annotator may be starting the job, or even finishing it, at the same time
            )
        except ConditionFailed:
            return  # gone, or run again: that run has an announcement of its own

    def unannounced(self, *, before: datetime, limit: int = 100) -> Sequence[Job]:
        request: QueryInputTypeDef = {
            "TableName": self._name,
            "IndexName": "unannounced",
            "KeyConditionExpression": "unannounced = :waiting AND queued_at < :before",
            "ExpressionAttributeValues": {":waiting": {"S": _WAITING}, ":before": {"S": to_iso(before)}},
        }
        return self._query(request, limit)

    def start(self, job_id: str, *, run: int, work: Work, now: datetime) -> Job:
        return self._transition(
            job_id,
            JobState.RUNNING,
            sources=sources_of(JobState.RUNNING),
            condition="#run = :run AND (#state = :queued OR (#worker = :worker AND #fence < :fence))",
            values={**_held(run, work), "queued": JobState.QUEUED.value, "now": to_iso(now)},
            changes={
                "worker": ":worker",
                "fence": ":fence",
                # A run that is taken over is as old as its first attempt: that is what its owner waited.
                "started_at": "if_not_exists(#started_at, :now)",
                "updated_at": ":now",
            },
            remove=("progress", "unannounced"),
        )

    def report(self, job_id: str, *, run: int, work: Work, progress: Progress) -> None:
        self._transition(
            job_id,
            JobState.RUNNING,
            sources={JobState.RUNNING},
            condition=_HELD,
            values={**_held(run, work), "progress": to_plain(progress)},
            changes={"progress": ":progress"},
        )

    def finish(
        self,
        job_id: str,
        *,
        run: int,
        work: Work,
        state: JobState,
        now: datetime,
        ledger: Ledger | None = None,
        summary: Mapping[str, object] | None = None,
        results: Mapping[str, StoredFile] | None = None,
        error: JobError | None = None,
    ) -> Job:
        outcome = {
            "ledger": to_plain(ledger) if ledger else None,
            "summary": dict(summary or {}),
            "results": {kind: to_plain(stored) for kind, stored in (results or {}).items()},
            "error": to_plain(error) if error else None,
        }
        given = {name: value for name, value in outcome.items() if value is not None}
        return self._transition(
            job_id,
            state,
            sources={JobState.RUNNING},
            condition=_HELD,
            values={**_held(run, work), **given, "now": to_iso(now)},
            changes={"finished_at": ":now", "updated_at": ":now", **{name: f":{name}" for name in given}},
            remove=[name for name in outcome if name not in given],
        )

    def give_up(self, job_id: str, *, run: int, error: JobError, now: datetime, work: Work | None = None) -> Job:
        condition, values = "#run = :run AND #state <> :running", {"run": run}
        if work is not None:
            condition = "#run = :run AND (#state <> :running OR (#worker = :worker AND #fence <= :fence))"
            values = _held(run, work)
        return self._transition(
            job_id,
            JobState.FAILED,
            sources=sources_of(JobState.FAILED),
            condition=condition,
            values={
                **values,
                "running": JobState.RUNNING.value,
                "error": to_plain(error),
                "now": to_iso(now),
            },
            changes={"error": ":error", "finished_at": ":now", "updated_at": ":now"},
            remove=("unannounced",),
        )

    def cancel(self, job_id: str, *, now: datetime) -> Job:
        return self._transition(
            job_id,
            JobState.CANCELLED,
            sources=sources_of(JobState.CANCELLED),
            values={"now": to_iso(now)},
            changes={"finished_at": ":now", "updated_at": ":now"},
            remove=("unannounced",),
        )

    def delete(self, job_id: str) -> None:
        self._table.delete(job_id)

    def claim_mail(self, job_id: str, *, run: int, now: datetime, lapsed: timedelta) -> MailClaim:
        try:
            self._table.update(
                job_id,
                condition="#mailed_run < :run OR (#mailed_run = :run AND #mail_state = :sending AND #mail_at <= :lapsed)",
                values={"run": run, "sending": "SENDING", "now": to_iso(now), "lapsed": to_iso(now - lapsed)},
                changes={"mailed_run": ":run", "mail_state": ":sending", "mail_at": ":now"},
            )
        except ConditionFailed as failure:
            job = self._read(job_id, failure.item)
            sent = job.mailed_run > run or job.mail_state == "SENT"
            return MailClaim(sent=sent, pending=not sent)
        return MailClaim(granted=True)

    def mailed(self, job_id: str, *, run: int, now: datetime) -> None:
        try:
            self._table.update(
                job_id,
                condition="#mailed_run < :run OR (#mailed_run = :run AND #mail_state <> :sent)",
                values={"run": run, "sent": "SENT", "now": to_iso(now)},
                changes={"mailed_run": ":run", "mail_state": ":sent", "mail_at": ":now"},
            )
        except ConditionFailed:
            return  # known already, of a run that nobody asks about any more, or the job is gone

    def _transition(
        self,
        job_id: str,
        target: JobState,
        *,
        sources: Collection[JobState],
        condition: str = "",
        values: Mapping[str, Any],
        changes: Mapping[str, str],
        remove: Sequence[str] = (),
    ) -> Job:
        states = {f"source_{state.value.lower()}": state.value for state in sources}
        allowed = f"#state IN ({', '.join(f':{name}' for name in sorted(states))})"
        try:
            item = self._table.update(
                job_id,
                condition=f"{allowed} AND {condition}" if condition else allowed,
                values={**values, **states, "target": target.value},
                changes={**changes, "state": ":target"},
                remove=remove,
            )
        except ConditionFailed as failure:
            raise refusal(self._read(job_id, failure.item), target, sources, values.get("run")) from None
        return from_item(Job, item)


def as_unannounced(item: Item) -> dict[str, Any]:
    """The item of a job that comes back from a backup: where it waited or ran, it has to be announced, and begun, anew.
    Whatever else it says holds."""
    if item.get("state") not in ({"S": JobState.QUEUED.value}, {"S": JobState.RUNNING.value}):
        return dict(item)
    kept = {name: value for name, value in item.items() if name not in {"progress", "started_at"}}
    begun_anew = {"state": JobState.QUEUED.value, "unannounced": _WAITING, "worker": "", "fence": 0}
    return {**kept, **{name: to_attribute(value) for name, value in begun_anew.items()}}


def _held(run: int, work: Work) -> dict[str, Any]:
    """The values of `_HELD`."""
    return {"run": run, "worker": work.entry_id, "fence": work.fence}
