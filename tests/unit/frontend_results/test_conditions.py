"""What each condition lets through, of nine variants whose answers one can read off `tests.results_world.family`."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from werkzeug.datastructures import MultiDict

from frontend.results.filters import Filter
from tests.results_world import call, family, variant
from tests.unit.frontend_results.world import ids, index_of

ALL = list(range(9))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("gene=JAG1", [2, 3, 4]),
        ("gene=jag1", [2, 3, 4]),
        ("gene=ENSG-JAG1", [2, 3, 4]),
        ("gene=JAG1 MT-ND4", [2, 3, 4, 8]),
        ("gene=JAG", []),
        ("gene=OVER", [5]),
        ("gene=OVER&match=picked", []),
        ("gene=JAG1&consequence=upstream_gene_variant", [1]),
        ("gene=NEXT&consequence=downstream_gene_variant", [2]),
        ("region=20:3000-3001", [2, 3]),
        ("region=chr20:3501", [4]),
        ("region=20:3503", []),
        ("region=chrM", [7, 8]),
        ("region=20:1000;MT:3243", [0, 7]),
        ("region=21", []),
        ("consequence=missense_variant&match=any", [3, 5, 6, 8]),
        ("consequence=missense_variant&match=picked", [3, 6, 8]),
        ("consequence=missense_variant", [5, 6, 8]),
        ("consequence=splice_region_variant&match=any", [6]),
        ("consequence=intron_variant&consequence=stop_gained&match=any", [2]),
        ("impact=HIGH", [2, 3, 4]),
        ("impact=HIGH&match=picked", [2, 4]),
        ("impact=MODERATE&match=any", [3, 5, 6, 8]),
        ("impact=MODERATE", [5, 6, 8]),
        ("gene=JAG1&consequence=missense_variant", []),
        ("gene=JAG1&consequence=missense_variant&match=any", [3]),
        ("gene=OVER&consequence=missense_variant", [5]),
        ("gene=NEXT&consequence=missense_variant", [6]),
        ("gene=NEXT&impact=MODIFIER", [5]),
        ("class=SNV", [0, 1, 2, 3, 6, 7, 8]),
        ("class=deletion&class=insertion", [4, 5]),
        ("class=transition", [0, 1, 2, 3, 6, 7, 8]),
        ("class=transversion", []),
        ("clinvar=Pathogenic", [2, 7]),
        ("clinvar=Pathogenic&clinvar=Likely pathogenic", [2, 7, 8]),
        ("clinvar=any", [2, 3, 6, 7, 8]),
        ("af=0.004", [1, 2, 3, 4, 7, 8]),
        ("af=0.01..0.2", [5, 6]),
        ("af=0..1", [0, 2, 3, 5, 6]),
        ("qual=61", [2, 3, 5, 6, 7, 8]),
        ("qual=20..55", [0, 4]),
        ("size=-2", [4]),
        ("size=1..10", [5]),
        ("size=..-1", [4]),
        ("filter=pass", [0, 2, 3, 4, 5, 6, 7, 8]),
        ("genotype=het", [0, 1, 2, 3, 4, 5, 6]),
        ("genotype=hom", [0, 3, 4, 7, 8]),
        ("sample=child:het", [0, 2, 3, 5]),
        ("sample=child:hom", [4, 7, 8]),
        ("sample=child:missing", [1]),
        ("sample=child:ref", [6]),
        ("sample=child:het&sample=mother:ref", [2, 3]),
        ("haplotype=1", [3]),
        ("q=alagille", [2]),
        ("q=P.ARG340", [8]),
        ("q=rs3000", [2]),
        ("q=rs", [0, 2, 7]),
        ("q=mt-n", [8]),
        ("q=g.3001A>G", [3]),
        ("q=chr20:3499", [4]),
        ("q=chr20:3,501", [4]),
        ("q=20-3000-C-T", [2]),
        ("q=20:3000c>t", [2]),
        ("q=20-3000-C-G", []),
        ("q=MT 3243", [7]),
        ("q=p.R340H", [8]),
        ("q=r340h", [8]),
        ("q=Q825*", [2]),
        ("q=JAG1-201:c.2473C>T", [2]),
        ("impact=HIGH&af=0.001&sample=child:het", [2]),
    ],
)
def test_a_filter_lets_through(family_index: duckdb.DuckDBPyConnection, query: str, found: list[int]) -> None:
    assert ids(family_index, query.replace(" ", "+")) == found


def test_consequence_and_impact_have_to_be_those_of_one_transcript(tmp_path: Path) -> None:
    apart = variant(
        "20", 5, "A", "C", [call("A", "A-1", "stop_gained", pick=True), call("B", "B-1", "missense_variant&splice_region_variant")]
    )  # fmt: skip
    with index_of(tmp_path, [apart], samples=()) as connection:
        assert ids(connection, "consequence=missense_variant&impact=HIGH&match=any") == []
        assert ids(connection, "consequence=splice_region_variant&impact=MODERATE&match=any") == [0]
        assert ids(connection, "gene=B&impact=HIGH&match=any") == []
        assert ids(connection, "gene=B&impact=MODERATE") == [0]


@pytest.mark.parametrize(
    "name", ["q", "gene", "region", "clinvar", "sample", "af", "consequence", "class", "match", "sort", "columns"]
)
@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --",
        "'; DROP TABLE variants; --",
        '" UNION SELECT * FROM samples',
        "%",
        "_",
        "\\",
        "?",
        "$1",
        "); ATTACH 'x",
    ],
)
def test_sql_in_a_field_has_no_effect(family_index: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
    chosen, _ = Filter.parse(MultiDict({name: text}), ("child", text))
    where = chosen.where()
    assert len(text) < 3 or text not in where.sql
    [(count,)] = family_index.execute(f"SELECT count(*) FROM variants WHERE {where.sql}", where.parameters).fetchall()
    every_hgvs_has_one = (name, text) == ("q", "_")
    assert count == (9 if chosen.is_empty or every_hgvs_has_one else 0)
    assert family_index.execute("SELECT count(*) FROM variants").fetchone() == (9,)


def test_a_file_without_samples_and_without_variants_can_be_asked(tmp_path: Path) -> None:
    with index_of(tmp_path, [], samples=()) as connection:
        assert ids(connection, "gene=JAG1&impact=HIGH&q=x", samples=()) == []


def test_a_genotype_with_one_known_copy_counts_as_what_is_known(tmp_path: Path) -> None:
    odd = [{**family()[0], "gt": [text, "0/0", "0/0"]} for text in ("./1", "1", "0", "1|1", ".", "0/.", "1/2", "2/2")]
    with index_of(tmp_path, odd) as connection:
        found = {zygosity: ids(connection, f"sample=child:{zygosity}") for zygosity in ("het", "hom", "ref", "missing")}
    assert found == {"het": [0, 6], "hom": [1, 3], "ref": [2, 7], "missing": [4, 5]}


def test_hgvs_is_found_without_its_version_and_genes_that_look_like_places(tmp_path: Path) -> None:
    named = {"hgvsc": "ENST00000361381.2:c.1019G>A"}
    made = [
        variant("20", 5, "G", "A", [call("NKX2-5", "ENST00000361381", "missense_variant", pick=True)], **named),
        variant("20", 6, "G", "A", [call("F2R", "ENST00000000001", "missense_variant", pick=True)]),
    ]
    with index_of(tmp_path, made, samples=()) as connection:
        assert ids(connection, "q=ENST00000361381:c.1019G>A", samples=()) == [0]
        assert ids(connection, "q=ENST00000361381.2:c.1019G>A", samples=()) == [0]
        assert ids(connection, "q=ENST00000361381.9:c.1019G>A", samples=()) == []
        assert ids(connection, "q=NKX2-5", samples=()) == [0]
        assert ids(connection, "q=F2R", samples=()) == [1]
