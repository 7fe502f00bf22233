"""One variant: what every transcript says of it, what is known of it, who has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from frontend.jobs.blueprint import blueprint
from frontend.results.filters import Filter
from frontend.results.presentation import chips, genotypes
from frontend.results.store import open_results
from frontend.results.table import View
from frontend.results.variants import sample_names
from frontend.results.vocabulary import severity
from shared.core.jobs import Job

_NUMBER = re.compile(r"[0-9]{1,9}")
_PARTNER = re.compile(r"(?:(?P<contig>.+):)?(?P<pos>[0-9]{1,10}):?(?P<ref>[A-Za-z*]+)>(?P<alt>[A-Za-z*]+)")


@dataclass(frozen=True)
class Place:
    """Where a variant stands among those that a filter lets through, in the order of the genome."""

    total: int
    rank: int | None
    """From 1; None when the filter does not let this one through."""
    previous: int | None
    next: int | None


@dataclass(frozen=True)
class Partner:
    """A variant on the same haplotype that was read together with this one."""

    name: str
    number: int | None
    """Its id, where it is found again."""


@blueprint.get("/<job_id>/variants/<number>")
def variant(job: Job, number: str) -> ResponseReturnValue:
    """The page of the variant with this id."""
    if not _NUMBER.fullmatch(number):
        abort(404)
    with open_results(job) as connection:
        samples = sample_names(connection)
        row = _one(connection, "SELECT * FROM variants WHERE id = ?", [int(number)]) or abort(404)
        chosen, _ = Filter.parse(request.args, samples)
        transcripts = _transcripts(connection, row)
        place = _place(connection, chosen, row["id"])
        partners = {text: _partners(connection, row, text) for text in _texts_of(transcripts)}
    return render_template(
        "results/variant.html",
        job=job,
        row=row,
        transcripts=transcripts,
        partners=partners,
        genotypes=genotypes(row, samples),
        chosen=chosen,
        chips=chips(chosen),
        place=place,
        view=View.parse(request.args),
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> dict[str, Any] | None:
    rows = _all(connection, sql, parameters)
    return rows[0] if rows else None


def _all(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    found = connection.execute(sql, list(parameters))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _transcripts(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The picked one first, then MANE and canonical ones, then as severe as they are."""
    found = _all(connection, "SELECT * FROM consequences WHERE variant = ?", [row["id"]])
    return sorted(found, key=_merit)


def _merit(call: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        not call["PICK"],
        not call["MANE"],
        call["CANONICAL"] != "YES",
        severity(call["Consequence"].split("&")[0]),
        call["SYMBOL"] or "",
        call["Feature"] or "",
    )


def _place(connection: duckdb.DuckDBPyConnection, chosen: Filter, number: int) -> Place:
    where = chosen.where()
    total, rank, previous, following, fits = connection.execute(
        f"""
        SELECT count(*), count(*) FILTER (id <= $id), max(id) FILTER (id < $id), min(id) FILTER (id > $id),
               count(*) FILTER (id = $id)
        FROM variants WHERE {where.sql}
        """.replace("$id", str(int(number))),
        where.parameters,
    ).fetchone() or (0, 0, None, None, 0)
    return Place(total, rank if fits else None, previous, following)


def _texts_of(transcripts: Sequence[Mapping[str, Any]]) -> set[str]:
    return {call["hap_with"] for call in transcripts if call["hap_with"]}


def _partners(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any], text: str) -> list[Partner]:
    """Those that ``text`` names, such as ``3000:C>T&3002:G>A``."""
    found = []
    for name in text.split("&"):
        number: int | None = None
        if parts := _PARTNER.fullmatch(name):
            partner = _one(
                connection,
                "SELECT id FROM variants WHERE contig = ? AND pos = ? AND ref = ? AND alt = ?",
                [row["contig"], int(parts["pos"]), parts["ref"], parts["alt"]],
            )
            number = partner["id"] if partner else None
        found.append(Partner(name, number))
    return found
