"""The frontend with jobs of alice in whatever state a test needs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.core.jobs import Job, JobError, JobState, Ledger, Progress, StoredFile
from shared.core.messages import JobRequested
from tests.client import Browser, Page
from tests.factories import a_job
from tests.frontend_world import FrontendWorld

VCF = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t3243\t.\tA\tG\t.\t.\t.\n"

SUMMARY: dict[str, Any] = {
    "pack": {
        "name": "rcrs",
        "assembly": "NC_012920.1",
        "title": "Human mitochondrial genome",
        "sources": [{"name": "ClinVar", "version": "2024-12-15"}],
    },
    "engine": {"gas": "0.1.0", "bcftools": "1.24"},
    "samples": 2,
    "variants": 11,
    "classes": {"SNV": 10, "insertion": 1, "deletion": 0},
    "consequences": {"stop_gained": 1, "missense_variant": 4, "synonymous_variant": 6},
    "impact": {"HIGH": 1, "MODERATE": 4, "LOW": 6, "MODIFIER": 0},
    "ts": 8,
    "tv": 2,
    "clinvar": {"Pathogenic": 3, "Benign": 1},
    "genes": [{"symbol": "MT-ND4", "gene_id": "ENSG00000198886", "variants": 3, "high": 0, "moderate": 1}],
    "highlights": [
        {
            "contig": "MT",
            "pos": 11778,
            "ref": "G",
            "alt": "A",
            "gene": "MT-ND4",
            "consequence": "missense_variant",
            "impact": "MODERATE",
            "change": "m.11778G>A / p.Arg340His",
            "clinvar": "Pathogenic",
            "condition": "Leber optic atrophy",
            "stars": 2,
        }
    ],
    "warnings": ["The header names a contig that the pack does not have."],
    "seconds": {"checking": 0.1, "annotating": 0.4},
    "skipped_reasons": {"symbolic": "The allele is symbolic (such as <DEL>): its sequence is not given."},
}


class JobsWorld(FrontendWorld):
    """`FrontendWorld`, and jobs."""

    def job(self, state: JobState = JobState.CREATED, **fields: Any) -> Job:
        """A job of alice in that state, with what goes with it: times, files, results, an error."""
        fields.setdefault("user_id", self.alice.user_id)
        job = a_job(state=state, created_at=fields.pop("created_at", self.time), **fields)
        if state is not JobState.CREATED:
            self.inputs.write(job.input.key, VCF, content_type="text/plain")
            queued_at = job.queued_at or self.time
            job = replace(job, input=replace(job.input, size=len(VCF)), queued_at=queued_at)
        if state is JobState.RUNNING or (state in {JobState.COMPLETED, JobState.FAILED} and job.started_at is None):
            job = replace(job, started_at=self.time, worker="entry", fence=1)
        if state is JobState.RUNNING and job.progress is None:
            job = replace(job, progress=Progress("annotating", 40, 100))
        if state.is_final:
            job = replace(job, finished_at=self.time + timedelta(seconds=0.4))
        if state is JobState.COMPLETED:
            job = self._with_results(job, ("vcf", "tbi", "tsv", "log"))
            job = replace(job, ledger=job.ledger or Ledger(12, 11, {"symbolic": 1}), summary=job.summary or SUMMARY)
        if state is JobState.FAILED and job.error is None:
            error = JobError("columns", "This record has 7 columns instead of 10.", "Was the file cut off?", 1841)
            job = replace(self._with_results(job, ("log",)), error=error)
        self.jobs.create(job)
        return job

    def stored(self, job: Job | str) -> Job:
        """The job as the table has it now."""
        return self.jobs.get(job if isinstance(job, str) else job.job_id)

    def only_job(self) -> Job:
        """The one job that there is."""
        [job] = self.jobs.jobs.values()
        return job

    @property
    def announced(self) -> list[JobRequested]:
        """What was published."""
        topic = self.settings.job_requests_topic
        return [JobRequested.from_json(text) for arn, text in self.topics.published if arn == topic]

    def _with_results(self, job: Job, kinds: tuple[str, ...]) -> Job:
        results = {}
        for kind in kinds:
            key = f"{job.user_id}/{job.job_id}/run-{job.run}.1/{kind}"
            data = f"{kind} of <b>{job.name}</b>\n".encode()
            self.results.write(key, data, content_type="application/octet-stream")
            results[kind] = StoredFile(key, len(data))
        return replace(job, results=results)


def token_of(browser: Browser, path: str = "/jobs/new") -> str:
    """A CSRF token, as a script would take it from that page; the page itself is looked at elsewhere."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.client.get(path).text)
    assert found is not None
    return found.group(1)


def call(browser: Browser, path: str, body: Any = None) -> Page:
    """A POST by the upload page's script."""
    headers = {"X-CSRFToken": token_of(browser), "Accept": "application/json"}
    return browser.post(path, headers=headers, json={} if body is None else body)
