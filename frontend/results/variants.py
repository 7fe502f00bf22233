"""The table of a job's variants, with its filter beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import is_fragment_request
from frontend.jobs.blueprint import blueprint
from frontend.results import facets, table
from frontend.results.facets import Counts
from frontend.results.filters import Filter
from frontend.results.presentation import Chip, chips
from frontend.results.store import has_variants, open_results
from frontend.results.table import COLUMNS, View
from frontend.results.vocabulary import IMPACTS, ZYGOSITIES
from shared.core.jobs import Job

MOST_WAYS = 8
"""Ways to widen a filter that are offered when nothing passes it."""


@dataclass(frozen=True)
class Way:
    """A condition without which something would be found."""

    chip: Chip
    total: int


@dataclass(frozen=True)
class Found:
    """What a page of the table shows."""

    all: int
    counts: Counts
    pages: int
    rows: Sequence[dict[str, Any]]
    samples: Sequence[str]
    ways: Sequence[Way]


@blueprint.get("/<job_id>/variants")
def variants(job: Job) -> ResponseReturnValue:
    """The page, or for htmx the parts of it that a filter changes."""
    if not has_variants(job):
        flash("The variants of this job cannot be explored on a page: run it again, or download its files.", "info")
        return redirect(url_for("jobs.page", job_id=job.job_id))
    with open_results(job) as connection:
        samples = sample_names(connection)
        chosen, problems = Filter.parse(request.args, samples)
        view = View.parse(request.args, table.default_columns(connection))
        if not problems and "" in request.args.values() and not _is_part():
            return redirect(_address(job, chosen, view))  # a form sends what was left empty, too
        unknown = _unknown_genes(connection, chosen)
        found = _find(connection, chosen, view, samples)
    context = {
        "job": job,
        "chosen": chosen,
        "problems": {**unknown, **problems},
        "misread": bool(problems),
        "typed": request.args,
        "view": view,
        "found": found,
        "chips": chips(chosen),
        "columns": COLUMNS,
        "impacts": IMPACTS,
        "zygosities": ZYGOSITIES,
    }
    if not _is_part():
        return render_template("results/variants.html", **context)
    response: Response = make_response(render_template("results/_live.html", **context))
    response.headers["HX-Push-Url"] = _address(job, chosen, view)
    return response


def sample_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Of the samples whose genotypes are there."""
    return [name for (name,) in connection.execute("SELECT name FROM samples ORDER BY position").fetchall()]


def _is_part() -> bool:
    """Going back in the browser's history, htmx asks for whole pages."""
    return is_fragment_request() and request.headers.get("HX-Request-Type") != "full"


def _address(job: Job, chosen: Filter, view: View) -> str:
    query = chosen.to_query(**view.pairs())
    return url_for("jobs.variants", job_id=job.job_id) + (f"?{query}" if query else "")


def _find(connection: duckdb.DuckDBPyConnection, chosen: Filter, view: View, samples: Sequence[str]) -> Found:
    counts = facets.count(connection, chosen)
    ways = [] if counts.total else _ways(connection, chosen)
    [everything] = connection.execute("SELECT count(*) FROM variants").fetchone() or (0,)
    return Found(
        everything,
        facets.with_zeros(connection, counts),
        table.pages(counts.total),
        table.rows(connection, chosen, view, counts.total),
        samples,
        ways,
    )


def _ways(connection: duckdb.DuckDBPyConnection, chosen: Filter) -> list[Way]:
    tried = {chip.name: Chip(chip.name, chip.label, chip.value, chosen.without(chip.name)) for chip in chips(chosen)}
    found = []
    for chip in list(tried.values())[:MOST_WAYS]:
        where = chip.without.where()
        [total] = connection.execute(
            f"SELECT count(*) FROM variants WHERE {where.sql}", where.parameters
        ).fetchone() or (0,)
        if total:
            found.append(Way(chip, total))
    return sorted(found, key=lambda way: way.total)


def _unknown_genes(connection: duckdb.DuckDBPyConnection, chosen: Filter) -> dict[str, str]:
    """Said beside the field: a gene that no variant lies near is more often a slip than a finding."""
    if not chosen.gene:
        return {}
    wanted = [name.lower() for name in chosen.gene]
    known = {
        name
        for row in connection.execute(
            "SELECT lower(symbol), lower(gene_id) FROM genes WHERE list_contains(?, lower(symbol)) "
            "OR list_contains(?, lower(gene_id))",
            [wanted, wanted],
        ).fetchall()
        for name in row
    }
    missing = [name for name in chosen.gene if name.lower() not in known]
    return {"gene": f"No variant of this file lies in or near {', '.join(missing)}."} if missing else {}
