"""Where an export comes from: told in every one, in the same words."""

from __future__ import annotations

from datetime import datetime

from frontend.exports.selection import Selection
from frontend.jobs.presentation import sources
from shared.core.version import VERSION

MOST_COMMANDS = 3
"""One for each contig; all of them are in the VCF's header."""


def about(selection: Selection, now: datetime) -> dict[str, str]:
    """Label → text, each one line, in the order in which they are shown."""
    job, summary = selection.job, selection.job.summary
    pack, engine = summary.get("pack", {}), summary.get("engine", {})
    reference = str(pack.get("title") or job.pack) + (f" ({pack['assembly']})" if pack.get("assembly") else "")
    found = {
        "File": job.name,
        "Job": f"{job.job_id}, run {job.run}",
        "Reference": reference,
        "Pack": str(pack.get("name") or job.pack) + (f", version {pack['version']}" if pack.get("version") else ""),
        "Sources": sources(pack),
        "Annotated with": ", ".join(f"{'GAS' if tool == 'gas' else tool} {given}" for tool, given in engine.items()),
        "Commands": "; ".join(summary.get("commands", ())[:MOST_COMMANDS]),
        "Seconds": ", ".join(f"{stage} {taken:g}" for stage, taken in summary.get("seconds", {}).items()),
        "Annotated at": _moment(job.finished_at) if job.finished_at else "",
        "Filter": selection.filter_in_words,
        "Filter as query": selection.chosen.to_query(),
        "Variants": f"{len(selection):,} of {selection.everything:,} alternative alleles",
        "Exported with": f"GAS {VERSION}",
        "Exported at": _moment(now),
    }
    return {label: " ".join(text.split()) for label, text in found.items() if text}


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
