"""What a job gives: a VCF that tools take, a table that spreadsheets take, a log, a summary, a ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator_hook.consequence.output import COLUMNS
from annotator_hook.pipeline.tsv_text import cell
from tests.unit.pipeline.vcf import Annotated, annotated, info, vcf

EXAMPLE = Path(__file__).parents[3] / "frontend" / "static" / "examples" / "mitochondria.vcf"
CSQ_FIELDS = (*COLUMNS, "HAPLOTYPE")
META = '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
META += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    return annotated(tmp_path_factory.mktemp("example"), EXAMPLE.read_bytes())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    records = [
        "chrM 11778 rs1 G A 50 PASS DP=7 GT 0/1 =1/1",
        "chrM 3243 =HYPERLINK(1) A G,<DEL> 50 @odd DP=9 GT 1|2 0/0",
        "chrM 5 . A <INS> . . . GT 0/1 0/0",
    ]
    return annotated(tmp_path_factory.mktemp("small"), vcf(*records[1:], meta=META, samples=("=alice", "bob")))


def test_the_example_shows_what_gas_has_to_say(example: Annotated) -> None:
    ledger = example.result.ledger
    assert (ledger.records_in, ledger.annotated, dict(ledger.skipped)) == (41, 40, {"symbolic": 1})
    summary = example.result.summary
    assert summary["variants"] == 41
    assert summary["samples"] == 2
    assert summary["impact"]["HIGH"] == 5
    assert summary["clinvar"]["Pathogenic"] == 7
    assert summary["classes"]["deletion"] == 5
    assert "<DEL>" in example.log


def test_the_vcf_is_indexed_sorted_and_read_by_htslib_without_a_complaint(
    example: Annotated, capfd: pytest.CaptureFixture[str]
) -> None:
    with pysam.VariantFile(str(example.result.files["vcf"])) as file:
        records = list(file.fetch("MT", 3200, 3310))
        assert [record.pos for record in records] == [3243, 3308, 3309]
        assert records[0].samples["child"]["GT"] == (0, 1)
        assert "MELAS_syndrome" in str(records[0].info["ClinVar_CLNDN"])
        assert list(file.header.contigs) == ["MT"]
        file.reset()
        positions = [record.pos for record in file]
    assert positions == sorted(positions)
    assert len(positions) == 41
    assert capfd.readouterr().err == ""


def test_the_vcf_says_how_it_was_made(example: Annotated) -> None:
    head = "\n".join(line for line in example.vcf_lines if line.startswith("##"))
    assert "##GAS_version=" in head
    assert "##GAS_pack=rcrs" in head
    assert "ClinVar: 2024-12-15" in head
    assert "bcftools csq -f sequence.fa -g genes/0.gff3 -C 2 -l" in head
    assert "##GAS_seconds=checking " in head
    assert "/" + "tmp" not in head


def test_id_quality_filter_info_and_genotypes_survive(example: Annotated) -> None:
    (record,) = [record for record in example.records if record[1] == "3243"]
    assert record[2] == "rs199474657"
    assert record[5:7] == ["3984", "PASS"]
    assert record[7].startswith("DP=7294;GAS_LINE=")
    assert record[8:] == ["GT:AD:DP:AF", "0/1:2853,677:3530:0.192", "0/1:1048,2716:3764:0.722"]


def test_csq_has_veps_fields_and_an_entry_for_each_transcript(example: Annotated) -> None:
    (record,) = [record for record in example.records if record[1] == "8528"]
    entries = [dict(zip(CSQ_FIELDS, entry.split("|"), strict=True)) for entry in info(record)["CSQ"].split(",")]
    inside = {entry["SYMBOL"]: entry for entry in entries if not entry["DISTANCE"]}
    assert {symbol: entry["Consequence"] for symbol, entry in inside.items()} == {
        "MT-ATP6": "start_lost",
        "MT-ATP8": "missense_variant",
    }
    assert inside["MT-ATP8"]["HGVSp"].endswith(":p.Trp55Arg")
    beside = [entry for entry in entries if entry["DISTANCE"]]
    assert {entry["Consequence"] for entry in beside} == {"upstream_gene_variant", "downstream_gene_variant"}
    assert max(int(entry["DISTANCE"]) for entry in beside) <= 5000
    assert {entry["Allele"] for entry in entries} == {"C"}
    assert info(record)["BCSQ"].startswith("missense|MT-ATP8")


def test_an_equals_sign_in_a_name_is_escaped_in_info_alone(example: Annotated) -> None:
    (record,) = [record for record in example.records if record[1] == "7445"]
    assert "p.Ter514%3D" in info(record)["CSQ"]
    assert example.row("7445A>G", "MT-CO1")["hgvs_p"].endswith(":p.Ter514=")
    assert "p.Ter514=" in {str(row["HGVSp"]).rpartition(":")[2] for row in example.consequences}


def test_clinvar_is_in_vcf_table_and_summary(example: Annotated) -> None:
    row = example.row("11778G>A")
    assert (row["clinvar_significance"], row["clinvar_stars"], row["clinvar_accession"], row["dbsnp"]) == (
        "Pathogenic",
        "3",
        "VCV000009708",
        "rs199476112",
    )
    (record,) = [record for record in example.records if record[1] == "11778"]
    assert info(record)["ClinVar_CLNSIG"] == "Pathogenic"
    assert "|rs199476112|" in info(record)["CSQ"]


def test_highlights_are_the_pathogenic_first_then_high_impact(example: Annotated) -> None:
    highlights = example.result.summary["highlights"]
    known = [bool(item["clinvar"]) for item in highlights]
    assert known == sorted(known, reverse=True)
    assert {item["impact"] for item in highlights if not item["clinvar"]} == {"HIGH"}
    (lhon,) = [item for item in highlights if item["pos"] == 11778]
    assert lhon["change"] == "m.11778G>A / p.Arg340His"
    assert lhon["gene"] == "MT-ND4"


def test_the_summary_adds_up_and_is_small(example: Annotated) -> None:
    summary = example.result.summary
    for part in ("classes", "consequences", "impact"):
        assert sum(summary[part].values()) == summary["variants"]
    assert summary["ts"] + summary["tv"] == summary["classes"]["SNV"]
    assert summary["skipped_reasons"].keys() == example.result.ledger.skipped.keys()
    assert len(json.dumps(summary)) < 100_000
    assert set(summary["seconds"]) == {"checking", "normalising", "annotating", "writing"}


def test_the_table_holds_no_formulas(small: Annotated) -> None:
    text = small.tsv
    assert [value for value in text.replace("\n", "\t").split("\t") if value[:1] in ("=", "@", "+")] == []
    assert "GT:=alice" in text.splitlines()[0]
    assert small.row("3243A>G")["id"] == "'=HYPERLINK(1)"
    assert small.row("3243A>G")["GT:=alice"] == "1|."


@pytest.mark.parametrize(
    ("text", "shown"),
    [("=1+1", "'=1+1"), ("-5.5", "-5.5"), ("-cmd", "'-cmd"), ("+1", "'+1"), ("@x", "'@x"), ("a=b", "a=b"), ("", "")],
)
def test_a_cell_that_starts_like_a_formula_is_quoted(text: str, shown: str) -> None:
    assert cell(text.encode()) == shown.encode()


def test_a_header_without_records_gives_an_empty_result(tmp_path: Path) -> None:
    found = annotated(tmp_path, vcf())
    assert (found.result.ledger.records_in, found.result.ledger.annotated) == (0, 0)
    assert (found.records, found.rows) == ([], [])
    assert found.result.files["tbi"].exists()
    assert found.result.summary["variants"] == 0


def test_a_file_of_which_nothing_can_be_annotated_says_so(tmp_path: Path) -> None:
    found = annotated(tmp_path, vcf("MT 5 . A <DEL>"))
    assert dict(found.result.ledger.skipped) == {"symbolic": 1}
    assert any("No record could be annotated" in warning for warning in found.result.warnings)


def test_what_gas_wrote_can_be_given_to_gas_again(tmp_path: Path, example: Annotated) -> None:
    again = annotated(tmp_path, example.result.files["vcf"].read_bytes())
    assert again.result.ledger.annotated == 41
    assert [row["hgvs_g"] for row in again.rows] == [row["hgvs_g"] for row in example.rows]
    assert "INPUT_CSQ=" in again.records[0][7]


def test_odd_names_are_escaped_in_the_log(tmp_path: Path) -> None:
    from dataclasses import replace

    from annotator_hook.pipeline.job import run
    from tests.unit.pipeline.vcf import a_spec

    name = "<script>\n\x1b[31m é \udce9" + "x" * 400
    spec = replace(a_spec(tmp_path, vcf("MT 3243 . A G")), display_name=name)
    run(spec, on_progress=lambda _: None, should_stop=lambda: False)
    line = (spec.output_dir / "log.txt").read_text().splitlines()[1]
    assert line.startswith("File: <script>\\n\\x1b[31m é \\udce9xxx")
    assert len(line) < 350


RECORD = st.one_of(
    st.builds(
        lambda pos, ref, alt: f"MT {pos} . {ref} {alt}",
        st.integers(3240, 3250),
        st.text("ACGTN", min_size=1, max_size=3),
        st.lists(st.sampled_from(["A", "C", "G", "T", "GG", "*", "<DEL>", "N", "."]), min_size=1, max_size=3).map(
            ",".join
        ),
    ),
    st.sampled_from(["chr1 5 . A C", "MT 16570 . A C", "MT 3243 . A G", "chrM 310 . T TC"]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=st.lists(RECORD, max_size=25))
def test_the_ledger_counts_what_is_really_in_the_result(
    tmp_path_factory: pytest.TempPathFactory, records: list[str]
) -> None:
    found = annotated(tmp_path_factory.mktemp("ledger"), vcf(*["MT 3243 . A G"] * 26, *records))
    ledger = found.result.ledger
    lines = {info(record)["GAS_LINE"] for record in found.records}
    assert ledger.records_in == 26 + len(records) == ledger.annotated + sum(ledger.skipped.values())
    assert ledger.annotated == len(lines)
    assert found.result.summary["variants"] == len(found.records)
    assert {row["line"] for row in found.rows} == lines
