"""Where the files of jobs are: the part of the jobs table that retention, archive and restoration change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.errors import translated
from shared.aws.items import Item, from_item
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import to_iso
from shared.core.errors import Conflict, NotFound, Unavailable
from shared.core.jobs import FINAL_STATES, FilesAway, IllegalTransition, Job, JobState
from shared.core.retention import FilesState

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

AVAILABLE = "attribute_not_exists(#files) OR #files = :available"
"""Jobs of before there was an archive do not say where their files are."""
AVAILABLE_VALUES: Mapping[str, Any] = {"available": FilesState.AVAILABLE.value}
NEXT_WAIT = "if_not_exists(#wait, :zero) + :one"
NEXT_WAIT_VALUES: Mapping[str, Any] = {"zero": 0, "one": 1}
_FINAL_VALUES = {f"final_{state.value.lower()}": state.value for state in FINAL_STATES}
_FINAL = f"#state IN ({', '.join(f':{name}' for name in sorted(_FINAL_VALUES))})"
_TRIES = 5


class JobFiles:
    """One jobs table, as far as `shared.core.ports.Jobs` says where files are. `shared.aws.jobs` has the rest."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "job_id")

    def get(self, job_id: str) -> Job:
        return self._read(job_id, self._table.get(job_id))

    def begin_wait(self, job_id: str, *, run: int, until: datetime) -> Job:
        try:
            item = self._table.update(
                job_id,
                condition=f"{_FINAL} AND #run = :run AND ({AVAILABLE}) AND attribute_not_exists(#archive_at)",
                values={**_FINAL_VALUES, **AVAILABLE_VALUES, **NEXT_WAIT_VALUES, "run": run, "until": to_iso(until)},
                changes={"wait": NEXT_WAIT, "archive_at": ":until"},
            )
        except ConditionFailed as failure:
            job = self._read(job_id, failure.item)
            if job.state.is_final and job.run == run and job.files is FilesState.AVAILABLE:
                return job  # it waits already
            raise refusal(job, JobState.COMPLETED, FINAL_STATES, run) from None
        return from_item(Job, item)

    def end_wait(self, job_id: str) -> Job:
        return self._move(
            job_id,
            condition=AVAILABLE,
            values={**AVAILABLE_VALUES, **NEXT_WAIT_VALUES},
            changes={"wait": NEXT_WAIT},
            remove=("archive_at",),
        )

    def begin_archive(self, job_id: str, *, wait: int, now: datetime) -> Job:
        try:
            return self._move(
                job_id,
                to=(FilesState.ARCHIVING, now),
                condition=f"{_FINAL} AND #wait = :wait AND ({AVAILABLE})",
                values={**_FINAL_VALUES, **AVAILABLE_VALUES, "wait": wait},
                changes={},
                remove=("archive_at",),
            )
        except FilesAway as away:
            if away.present is FilesState.ARCHIVING and (job := self.get(job_id)).wait == wait:
                return job
            raise

    def archived(self, job_id: str, *, wait: int, now: datetime) -> Job:
        return self._move(
            job_id,
            to=(FilesState.ARCHIVED, now),
            condition="#files = :archiving AND #wait = :wait",
            values={"archiving": FilesState.ARCHIVING.value, "wait": wait},
            changes={},
        )

    def begin_restore(self, job_id: str, *, epoch: int, now: datetime) -> Job:
        for _ in range(_TRIES):
            job = self.get(job_id)
            if not job.state.is_final:
                raise IllegalTransition(job_id, job.state, JobState.COMPLETED)
            if job.files is FilesState.RESTORING and job.restore_epoch >= epoch:
                return job
            try:
                if job.files is FilesState.RESTORING:
                    return self._move(
                        job_id,
                        condition="#files = :restoring AND (attribute_not_exists(#restore_epoch) OR #restore_epoch < :epoch)",
                        values={"restoring": FilesState.RESTORING.value, "epoch": epoch},
                        changes={"restore_epoch": ":epoch"},
                    )
                return self._move(
                    job_id,
                    to=(FilesState.RESTORING, now),
                    condition=f"{_FINAL} AND (attribute_not_exists(#files) OR #files <> :to)",
                    values={**_FINAL_VALUES, **NEXT_WAIT_VALUES, "epoch": epoch},
                    changes={"wait": NEXT_WAIT, "restore_epoch": ":epoch"},
                    remove=("archive_at",),
                )
            except FilesAway:
                continue  # somebody else moved it meanwhile: look again
        raise Unavailable(f"Job {job_id} is being changed all the time.")

    def restored(self, job_id: str, *, now: datetime) -> Job:
        return self._move(
            job_id,
            to=(FilesState.AVAILABLE, now),
            condition="#files = :restoring",
            values={"restoring": FilesState.RESTORING.value},
            changes={},
        )

    def away(self, user_id: str, files: FilesState, *, limit: int) -> Sequence[Job]:
        request: QueryInputTypeDef = {
            "TableName": self._name,
            "IndexName": "away",
            "KeyConditionExpression": "away_owner = :away_owner",
            "ExpressionAttributeValues": {":away_owner": {"S": away_owner(user_id, files)}},
        }
        return self._query(request, limit)

    def _move(
        self,
        job_id: str,
        *,
        to: tuple[FilesState, datetime] | None = None,
        condition: str,
        values: Mapping[str, Any],
        changes: Mapping[str, str],
        remove: Sequence[str] = (),
    ) -> Job:
        """Changes the job, and where its files are: to what and when, unless None. Raises `FilesAway` when the condition
        does not hold."""
        if to is not None:
            files, now = to
            values = {**values, "to": files.value, "now": to_iso(now)}
            changes = {**changes, "files": ":to", "files_at": ":now"}
            if files is FilesState.AVAILABLE:
                remove = [*remove, "away_owner"]
            else:
                values["away_owner"] = away_owner(self.get(job_id).user_id, files)  # a job's owner never changes
                changes["away_owner"] = ":away_owner"
        try:
            item = self._table.update(job_id, condition=condition, values=values, changes=changes, remove=remove)
        except ConditionFailed as failure:
            raise FilesAway(job_id, self._read(job_id, failure.item).files) from None
        return from_item(Job, item)

    @staticmethod
    def _read(job_id: str, item: Item | None) -> Job:
        if item is None:
            raise NotFound(f"There is no job {job_id}.")
        return from_item(Job, item)

    def _query(self, request: QueryInputTypeDef, limit: int) -> list[Job]:
        """The first ``limit`` jobs; DynamoDB answers in pages of 1 MB, however many were asked for."""
        jobs: list[Job] = []
        while len(jobs) < limit:
            request["Limit"] = limit - len(jobs)
            with translated("DynamoDB"):
                answer = self._dynamodb.query(**request)
            jobs += [from_item(Job, item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return jobs


def refusal(job: Job, target: JobState, sources: Collection[JobState], run: int | None) -> Conflict:
    """Why a job that is as it is cannot become ``target``."""
    if job.state in sources and run in {None, job.run} and job.files is not FilesState.AVAILABLE:
        return FilesAway(job.job_id, job.files)
    return IllegalTransition(job.job_id, job.state, target)


def away_owner(user_id: str, files: FilesState) -> str:
    """Under what the index ``away`` has this owner's jobs whose files are there."""
    return f"{user_id}#{files.value}"
