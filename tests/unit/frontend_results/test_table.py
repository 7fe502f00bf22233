"""Sorting, paging and columns of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import duckdb
import pytest
from werkzeug.datastructures import MultiDict

from frontend.results import table
from frontend.results.filters import Filter
from frontend.results.table import COLUMNS, DEFAULT, PAGE_SIZE, View
from tests.results_world import family
from tests.unit.frontend_results.world import index_of


def view(query: str) -> View:
    return View.parse(MultiDict(parse_qsl(query, keep_blank_values=True)))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The family eighteen times over: 162 variants, with many alike."""
    with index_of(tmp_path_factory.mktemp("many"), family() * 18) as connection:
        yield connection


@pytest.mark.parametrize("order", [name for name, column in COLUMNS.items() if column.sort])
@pytest.mark.parametrize("sign", ["", "-"])
def test_the_pages_together_hold_every_variant_once_in_one_order(
    many: duckdb.DuckDBPyConnection, order: str, sign: str
) -> None:
    found = [
        row["id"]
        for page in range(1, 5)
        for row in table.rows(many, Filter(), view(f"sort={sign}{order}&page={page}"), 162)
    ]
    assert sorted(found) == list(range(162))
    expression, down = COLUMNS[order].sort, "DESC" if sign else "ASC"
    last = "id" if expression != "id" else f"id {down}"
    wanted = many.execute(f"SELECT id FROM variants ORDER BY {expression} {down} NULLS LAST, {last}").fetchall()
    assert found == [row[0] for row in wanted]


def test_what_is_not_known_comes_last_either_way(family_index: duckdb.DuckDBPyConnection) -> None:
    for order in ("af", "-af"):
        found = table.rows(family_index, Filter(), view(f"sort={order}&columns=af"), 9)
        known = [row["af"] is not None for row in found]
        assert known == sorted(known, reverse=True)


def test_consequences_are_sorted_by_severity(family_index: duckdb.DuckDBPyConnection) -> None:
    found = table.rows(family_index, Filter(), view("sort=consequence"), 9)
    assert [row["consequence"] for row in found][:3] == ["splice_donor_variant", "stop_gained", "frameshift_variant"]


def test_beyond_the_end_there_is_nothing(family_index: duckdb.DuckDBPyConnection) -> None:
    assert table.rows(family_index, Filter(), view("page=2"), 9) == []
    assert table.rows(family_index, Filter(), view("page=9999999"), 9) == []


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (PAGE_SIZE, 1), (PAGE_SIZE + 1, 2)])
def test_pages_are_counted(total: int, pages: int) -> None:
    assert table.pages(total) == pages


@pytest.mark.parametrize("query", ["", "sort=nonsense", "page=0", "page=-1", "page=x", "page=99999999999", "columns=nope", "columns=", "sort=genotypes", "sort=--af"])  # fmt: skip
def test_nonsense_is_as_if_it_were_not_there(query: str) -> None:
    assert view(query) == View()


def test_columns_are_chosen_by_boxes_or_in_one_word_and_keep_their_order() -> None:
    assert view("columns=af&columns=gene").columns == ("gene", "af")
    assert view("columns=af,gene").columns == ("gene", "af")
    assert view("columns=af,gene").pairs()["columns"] == "gene,af"
    assert View().pairs() == {"sort": None, "columns": None, "page": None}
    assert view("columns=" + ",".join(DEFAULT)) == View()


def test_a_frequency_that_no_variant_has_is_shown_only_when_it_is_asked_for(
    family_index: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert table.default_columns(family_index) == DEFAULT
    with index_of(tmp_path, [{**item, "af": None} for item in family()]) as unknown:
        fewer = table.default_columns(unknown)
    assert fewer == tuple(name for name in DEFAULT if name != "af")
    assert View.parse(MultiDict(), fewer).columns == fewer
    assert View.parse(MultiDict(), fewer).pairs()["columns"] is None
    asked = View.parse(MultiDict({"columns": ",".join(DEFAULT)}), fewer)
    assert asked.columns == DEFAULT
    assert asked.pairs()["columns"] == ",".join(DEFAULT)


def test_a_second_click_on_a_head_turns_the_order() -> None:
    assert View().sorted_by("af")["sort"] == "af"
    assert view("sort=af&page=3").sorted_by("af") == {"sort": "-af", "columns": None, "page": None}
    assert view("sort=-af").sorted_by("af")["sort"] == "af"
    assert View().sorted_by("variant")["sort"] == "-variant"


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_can_be_read(family_index: duckdb.DuckDBPyConnection, name: str) -> None:
    [row] = table.read(family_index, [2], COLUMNS[name].reads)
    assert set(COLUMNS[name].reads) <= row.keys()
