"""How many variants a filter lets through, and how many there would be under each value of its facets.

The facets are consequence, impact, class and ClinVar's significance. One scan groups what all other conditions let
through by the facets' values, of which there are few combinations; the rest is arithmetic on those. A facet's own
values are counted as if none of them were chosen: so one sees what choosing another one would add.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from frontend.results import conditions
from frontend.results.filters import Filter
from frontend.results.vocabulary import BESIDE, CLASSES, IMPACTS, severity


@dataclass(frozen=True)
class Call:
    """A consequence that a transcript was given."""

    terms: frozenset[str]
    impact: str
    beside: bool


@dataclass(frozen=True)
class Counts:
    """``total`` under the filter; for each facet its values' numbers, in the order in which they are shown."""

    total: int
    consequence: Mapping[str, int]
    impact: Mapping[str, int]
    kind: Mapping[str, int]
    clinvar: Mapping[str, int]


def count(connection: duckdb.DuckDBPyConnection, chosen: Filter) -> Counts:
    """Counts under ``chosen``."""
    groups = _groups(connection, chosen)
    calls = _calls_of(connection, chosen, {key for key, *_ in groups})
    tests = {key: _Tested(found, chosen) for key, found in calls.items()}

    kinds, total = conditions.kinds(chosen.kind), 0
    by_kind: Counter[str] = Counter()
    by_clinvar: Counter[str] = Counter()
    by_key: Counter[Any] = Counter()
    for key, kind, clinvar, number in groups:
        kind_fits = not kinds or kind in kinds
        clinvar_fits = (
            not chosen.clinvar or clinvar in chosen.clinvar or ("any" in chosen.clinvar and clinvar is not None)
        )
        if kind_fits and clinvar_fits:
            by_key[key] += number
        if tests[key].fits:
            if clinvar_fits:
                by_kind[kind] += number
            if kind_fits and clinvar is not None:
                by_clinvar[clinvar] += number
            if kind_fits and clinvar_fits:
                total += number
    by_term: Counter[str] = Counter()
    by_impact: Counter[str] = Counter()
    for key, number in by_key.items():
        for term in tests[key].terms:
            by_term[term] += number
        for impact in tests[key].impacts:
            by_impact[impact] += number

    terms = sorted({*by_term, *chosen.consequence}, key=severity)
    significances = sorted({*by_clinvar, *chosen.clinvar} - {"any"}, key=lambda name: (-by_clinvar[name], name))
    return Counts(
        total,
        {term: by_term[term] for term in terms},
        {impact: by_impact[impact] for impact in IMPACTS},
        {name: sum(by_kind[kind] for kind in conditions.kinds((name,))) for name in CLASSES},
        {name: by_clinvar[name] for name in significances},
    )


class _Tested:
    """A set of calls under the filter's conditions on calls."""

    def __init__(self, calls: Iterable[Call], chosen: Filter) -> None:
        wanted = frozenset(chosen.consequence)
        beside_too = not chosen.gene or chosen.match == "picked" or bool(wanted & set(BESIDE))
        terms: set[str] = set()
        impacts: set[str] = set()
        self.fits = False
        for call in calls:
            touches = beside_too or not call.beside
            impact_fits = not chosen.impact or call.impact in chosen.impact
            term_fits = not wanted or bool(call.terms & wanted)
            if impact_fits:
                terms |= call.terms
            if term_fits and touches:
                impacts.add(call.impact)
            self.fits = self.fits or (touches and impact_fits and term_fits)
        self.terms, self.impacts = terms, impacts


def _groups(connection: duckdb.DuckDBPyConnection, chosen: Filter) -> list[tuple[Any, str, str | None, int]]:
    """Key, class, significance, number. What a key stands for `_calls_of` knows."""
    where = conditions.beside_facets(chosen)
    before: list[str] = []
    source, key = "variants", "callset"
    if chosen.match == "picked":
        key = "picked_consequence"
        where.extend(conditions.picked_gene(chosen))
    elif chosen.gene:
        sets, before = conditions.gene_sets(chosen)
        # a variant may lie in several of the genes: its key is all of their call sets
        grouped = f"SELECT variant, list_sort(list(callset)) AS sets FROM ({sets}) GROUP BY variant"
        source, key = f"({grouped}) JOIN variants ON id = variant", "sets"
    found = connection.execute(
        f"SELECT {key}, kind, clinvar_significance, count(*) FROM {source} WHERE {where.sql} GROUP BY ALL",
        [*before, *where.parameters],
    ).fetchall()
    return [(tuple(row[0]) if isinstance(row[0], list) else row[0], *row[1:]) for row in found]


def _calls_of(connection: duckdb.DuckDBPyConnection, chosen: Filter, keys: set[Any]) -> dict[Any, list[Call]]:
    calls = {
        number: (text, Call(frozenset(terms), impact, beside))
        for number, text, terms, impact, beside in connection.execute(
            "SELECT call, consequence, terms, impact, beside FROM calls"
        ).fetchall()
    }
    if chosen.match == "picked":
        by_text = dict(calls.values())
        return {key: [by_text[key]] for key in keys}
    if chosen.match == "worst":
        found = connection.execute("SELECT callset, consequence, impact, beside FROM worst").fetchall()
        sets = {number: [Call(frozenset((term,)), impact, beside)] for number, term, impact, beside in found}
    else:
        sets = defaultdict(list)
        for number, call in connection.execute("SELECT callset, call FROM callsets").fetchall():
            sets[number].append(calls[call][1])
    return {
        key: [call for number in (key if isinstance(key, tuple) else (key,)) for call in sets[number]] for key in keys
    }


def with_zeros(connection: duckdb.DuckDBPyConnection, counts: Counts) -> Counts:
    """With every consequence and significance of the file, so that a page shows the same ones under every filter."""
    terms = connection.execute("SELECT DISTINCT unnest(terms) FROM calls").fetchall()
    known = connection.execute(
        "SELECT clinvar_significance FROM variants WHERE clinvar_significance IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
    ).fetchall()
    consequences = sorted({*(row[0] for row in terms), *counts.consequence}, key=lambda term: (severity(term), term))
    significances = [*(row[0] for row in known), *counts.clinvar]
    return replace(
        counts,
        consequence={term: counts.consequence.get(term, 0) for term in consequences},
        clinvar={name: counts.clinvar.get(name, 0) for name in dict.fromkeys(significances)},
    )
