"""Numbers beside the facets are what choosing a value gives: compared with asking for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontend.results import facets
from frontend.results.filters import Filter, Region, Span
from frontend.results.vocabulary import CLASSES, IMPACTS
from tests.results_world import write_many
from tests.unit.frontend_results.world import index_of

TERMS = ("missense_variant", "stop_gained", "intron_variant", "upstream_gene_variant", "splice_region_variant")


def number(connection: duckdb.DuckDBPyConnection, chosen: Filter) -> int:
    where = chosen.where()
    [count] = connection.execute(f"SELECT count(*) FROM variants WHERE {where.sql}", where.parameters).fetchone() or (
        0,
    )
    return int(count)


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


filters = st.builds(
    Filter,
    gene=some(("JAG1", "NEXT", "OVER", "MT-ND4")),
    region=st.sampled_from([(), (Region("20"),), (Region("20", 3000, 9000),)]),
    consequence=some(TERMS),
    impact=some(IMPACTS),
    match=st.sampled_from(["any", "worst", "picked"]),
    kind=some(CLASSES),
    clinvar=some(("any", "Pathogenic", "Benign")),
    af=st.sampled_from([None, Span(high=0.01)]),
    passed=st.booleans(),
    haplotype=st.booleans(),
    text=st.sampled_from(["", "jag", "rs"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_each_number_is_what_its_value_alone_would_give(
    family_index: duckdb.DuckDBPyConnection, chosen: Filter
) -> None:
    counts = facets.count(family_index, chosen)
    assert counts.total == number(family_index, chosen)
    for facet, field in (
        ("consequence", "consequence"),
        ("impact", "impact"),
        ("kind", "kind"),
        ("clinvar", "clinvar"),
    ):
        shown: dict[str, int] = getattr(counts, facet)
        changes: dict[str, dict[str, Any]] = {value: {field: (value,)} for value in shown}
        assert shown == {value: number(family_index, replace(chosen, **changes[value])) for value in shown}, facet


def test_a_value_that_is_chosen_is_shown_even_when_nothing_has_it(family_index: duckdb.DuckDBPyConnection) -> None:
    counts = facets.count(family_index, Filter(consequence=("stop_lost",), clinvar=("never heard of",)))
    assert counts.total == 0
    assert counts.consequence["stop_lost"] == 0
    assert counts.clinvar["never heard of"] == 0


def test_every_value_of_the_file_is_shown_under_every_filter(family_index: duckdb.DuckDBPyConnection) -> None:
    shown = [
        facets.with_zeros(family_index, facets.count(family_index, chosen))
        for chosen in (Filter(), Filter(gene=("JAG1",)), Filter(text="nothing at all"))
    ]
    assert len({tuple(counts.consequence) for counts in shown}) == 1
    assert len({tuple(counts.clinvar) for counts in shown}) == 1


def test_consequences_come_in_the_order_of_severity(family_index: duckdb.DuckDBPyConnection) -> None:
    found = list(facets.count(family_index, Filter()).consequence)
    assert found[:3] == ["splice_donor_variant", "stop_gained", "frameshift_variant"]
    assert found[-1] == "intergenic_variant"


@pytest.mark.parametrize("query", [Filter(), Filter(impact=("HIGH",)), Filter(match="picked", impact=("MODERATE",))])
def test_many_made_up_variants_are_counted_rightly(tmp_path: Path, query: Filter) -> None:
    from frontend.results import index

    paths = write_many(tmp_path, 3000)
    index.build(paths["variants"], paths["consequences"], tmp_path / "index.duckdb")
    with duckdb.connect(tmp_path / "index.duckdb", read_only=True) as connection:
        assert facets.count(connection, query).total == number(connection, query)


def test_a_file_without_variants_has_no_numbers(tmp_path: Path) -> None:
    with index_of(tmp_path, [], samples=()) as connection:
        counts = facets.with_zeros(connection, facets.count(connection, Filter()))
    assert (counts.total, counts.consequence, counts.clinvar) == (0, {}, {})
    assert set(counts.impact.values()) == {0}
