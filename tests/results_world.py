"""Results to look at: a handful of variants made by hand, and as many as a benchmark wants, the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from annotator_hook.consequence.output import COLUMNS
from annotator_hook.consequence.terms import IMPACTS, TERMS

SAMPLES = ("child", "mother", "father")
ROW_GROUP = 100_000
SEED = 20

_CODED = pa.dictionary(pa.int32(), pa.string())
VARIANTS = pa.schema(
    [
        ("id", pa.int32()), ("line", pa.int32()), ("contig", _CODED), ("pos", pa.int32()), ("ref", pa.string()),
        ("alt", pa.string()), ("original", pa.string()), ("ids", pa.string()), ("qual", pa.float32()),
        ("filter", _CODED), ("class", _CODED), ("hgvsg", pa.string()), ("gene", _CODED), ("gene_id", _CODED),
        ("transcript", _CODED), ("consequence", _CODED), ("impact", _CODED), ("picked_consequence", _CODED),
        ("hgvsc", pa.string()), ("hgvsp", pa.string()), ("clinvar_significance", _CODED), ("clinvar_stars", pa.int8()),
        ("clinvar_conditions", pa.string()), ("clinvar_accession", pa.string()), ("dbsnp", pa.string()),
        ("af", pa.float32()), ("n_hom_ref", pa.int32()), ("n_het", pa.int32()), ("n_hom_alt", pa.int32()),
        ("n_missing", pa.int32()), ("haplotype", pa.bool_()), ("gt", pa.list_(pa.string())),
    ]
)  # fmt: skip
"""``variants.parquet`` of a file with at most 20 samples."""
_NUMBERS = {"DISTANCE": pa.int32(), "HGVS_OFFSET": pa.int32(), "PICK": pa.bool_()}
CONSEQUENCES = pa.schema(
    [
        ("variant", pa.int32()),
        *((name, _NUMBERS.get(name, pa.string())) for name in COLUMNS),
        *((f"hap_{name}", pa.string()) for name in ("consequence", "impact", "hgvsp", "with")),
        ("hap_copies", pa.int32()),
    ]
)
"""``consequences.parquet``."""
_BESIDE = {"upstream_gene_variant", "downstream_gene_variant"}


def impact_of(consequence: str) -> str:
    """Of terms joined with ``&``."""
    return str(IMPACTS[min(TERMS.index(term) for term in consequence.split("&"))])


def call(gene: str | None, feature: str, consequence: str, *, pick: bool = False, **more: Any) -> dict[str, Any]:
    """A row of ``consequences.parquet``."""
    beside = {"DISTANCE": 1200} if consequence in _BESIDE else {}
    where = {} if gene is None else {"SYMBOL": gene, "Gene": f"ENSG-{gene}", "Feature": feature}
    kind = {} if gene is None else {"Feature_type": "Transcript", "BIOTYPE": "protein_coding"}
    return {
        **where,
        **kind,
        "Consequence": consequence,
        "IMPACT": impact_of(consequence),
        "PICK": pick,
        **beside,
        **more,
    }


def variant(contig: str, pos: int, ref: str, alt: str, calls: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A row of ``variants.parquet`` under which its calls lie as ``calls``; what follows from them is filled in."""
    picked = next(item for item in calls if item["PICK"])
    worst = min(calls, key=lambda item: TERMS.index(item["Consequence"].split("&")[0]))
    inside = picked.get("SYMBOL") is not None and picked.get("DISTANCE") is None
    kind = "SNV" if len(ref) == len(alt) == 1 else "insertion" if len(ref) < len(alt) else "deletion"
    genotypes = more.get("gt")
    counted = {
        name: sum(zygosity(text) == name for text in genotypes or []) if genotypes else None
        for name in ("hom_ref", "het", "hom_alt", "missing")
    }
    return {
        "contig": contig, "pos": pos, "ref": ref, "alt": alt, "class": kind, "calls": calls, "haplotype": False,
        "hgvsg": f"NC_0000{contig}.11:g.{pos}{ref}>{alt}",
        "gene": picked["SYMBOL"] if inside else None, "gene_id": picked["Gene"] if inside else None,
        "transcript": picked.get("Feature"), "consequence": worst["Consequence"].split("&")[0],
        "impact": worst["IMPACT"], "picked_consequence": picked["Consequence"],
        "hgvsc": picked.get("HGVSc"), "hgvsp": picked.get("HGVSp"),
        **{f"n_{name}": number for name, number in counted.items()}, **more,
    }  # fmt: skip


def zygosity(genotype: str) -> str:
    """``hom_ref``, ``het``, ``hom_alt`` or ``missing``, as the pipeline counts a GT."""
    alleles = genotype.replace("|", "/").split("/")
    if "." in alleles:
        return "missing"
    return "hom_ref" if set(alleles) == {"0"} else "hom_alt" if set(alleles) == {"1"} else "het"


def family() -> list[dict[str, Any]]:
    """Nine variants of three people on chromosome 20 and in mitochondria."""
    jag = {"HGVSc": "JAG1-201:c.2473C>T", "HGVSp": "JAG1-201:p.Gln825Ter", "CANONICAL": "YES", "MANE": "MANE_Select"}
    return [
        variant("20", 1000, "A", "G", [call(None, "", "intergenic_variant", pick=True)], ids="rs1000", dbsnp="rs1000", qual=50.0, filter="PASS", af=0.31, gt=["0/1", "1/1", "0/0"]),
        variant("20", 2000, "C", "T", [call("JAG1", "JAG1-201", "upstream_gene_variant", pick=True)], qual=12.5, filter="LowQual", gt=["./.", "0/0", "0/1"]),
        variant("20", 3000, "C", "T", [call("JAG1", "JAG1-202", "intron_variant"), call("JAG1", "JAG1-201", "stop_gained", pick=True, **jag, EXON="20/26", Codons="Cag/Tag", Amino_acids="Q/*", Protein_position="825"), call("NEXT", "NEXT-201", "downstream_gene_variant")], qual=99.0, filter="PASS", af=0.00002, clinvar_significance="Pathogenic", clinvar_stars=2, clinvar_conditions="Alagille syndrome 1", clinvar_accession="12345", dbsnp="rs3000", hgvsc=jag["HGVSc"], hgvsp=jag["HGVSp"], gt=["0/1", "0/0", "0/1"]),
        variant("20", 3001, "A", "G", [call("JAG1", "JAG1-202", "splice_donor_variant"), call("JAG1", "JAG1-201", "missense_variant", pick=True, HGVSp="JAG1-201:p.Gln825Arg", hap_consequence="synonymous_variant", hap_impact="LOW", hap_hgvsp="JAG1-201:p.Gln825=", hap_with="3000:C>T", hap_copies=1)], qual=99.0, filter="PASS", af=0.004, clinvar_significance="Uncertain significance", clinvar_stars=1, haplotype=True, gt=["0|1", "0|0", "1|1"]),
        variant("20", 3500, "GAT", "G", [call("JAG1", "JAG1-201", "frameshift_variant", pick=True)], qual=30.0, filter="PASS", original="chr20:3499:TGAT:TG", gt=["1/1", "0/1", "0/1"]),
        variant("20", 9000, "T", "TA", [call("NEXT", "NEXT-201", "3_prime_UTR_variant", pick=True), call("OVER", "OVER-201", "missense_variant")], filter="PASS", qual=61.0, af=0.12, gt=["0/1", "0/1", "./."]),
        variant("20", 9100, "G", "A", [call("NEXT", "NEXT-201", "missense_variant&splice_region_variant", pick=True)], qual=61.0, af=0.02, clinvar_significance="Benign", clinvar_stars=3, gt=["0/0", "0/1", "0/1"]),
        variant("MT", 3243, "A", "G", [call("MT-TL1", "MT-TL1-201", "non_coding_transcript_exon_variant", pick=True)], qual=900.0, filter="PASS", clinvar_significance="Pathogenic", clinvar_stars=3, clinvar_conditions="MELAS syndrome", dbsnp="rs199474657", hgvsg="NC_012920.1:m.3243A>G", gt=["1", "1", "0"]),
        variant("MT", 11778, "G", "A", [call("MT-ND4", "MT-ND4-201", "missense_variant", pick=True, HGVSp="MT-ND4-201:p.Arg340His")], qual=880.0, filter="PASS", clinvar_significance="Likely pathogenic", clinvar_stars=1, clinvar_conditions="Leber optic atrophy", hgvsp="MT-ND4-201:p.Arg340His", hgvsg="NC_012920.1:m.11778G>A", gt=["1", "0", "0"]),
    ]  # fmt: skip


def write(variants: list[dict[str, Any]], folder: Path, samples: tuple[str, ...] = SAMPLES) -> dict[str, Path]:
    """Both files, of more than 20 samples the names alone; answers kind → path."""
    schema = VARIANTS if 0 < len(samples) <= 20 else VARIANTS.remove(VARIANTS.get_field_index("gt"))
    schema = schema.with_metadata({"samples": json.dumps(samples)})
    rows = [{"id": i, "line": 10 + i, **item} for i, item in enumerate(variants)]
    calls = [{"variant": i, **row} for i, item in enumerate(variants) for row in item["calls"]]
    paths = {kind: folder / f"{kind}.parquet" for kind in ("variants", "consequences")}
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), paths["variants"], compression="zstd")
    pq.write_table(pa.Table.from_pylist(calls, schema=CONSEQUENCES), paths["consequences"], compression="zstd")
    return paths


def write_many(folder: Path, count: int, *, seed: int = SEED) -> dict[str, Path]:
    """As `write`, for ``count`` made-up variants over 24 chromosomes and 20,000 genes with up to nine transcripts."""
    chance = np.random.default_rng(seed)
    genes, contigs = 20_000, [*(str(number) for number in range(1, 23)), "X", "Y"]
    contig = np.sort(chance.integers(0, len(contigs), count))
    pos = chance.integers(1, 150_000_000, count).astype(np.int32)
    pos = pos[np.lexsort((pos, contig))]
    home = np.minimum((pos.astype(np.int64) * genes // 150_000_000 + contig * 811) % genes, genes - 1)
    sizes = 1 + (chance.integers(0, 9, genes) * chance.integers(0, 2, genes))
    inside = chance.random(count) < 0.6
    repeats = np.where(inside, sizes[home], 1)
    owner = np.repeat(np.arange(count, dtype=np.int32), repeats)
    first = np.concatenate(([0], np.cumsum(repeats)[:-1]))
    nth = np.arange(len(owner)) - first[owner]

    texts = [*TERMS, "missense_variant&splice_region_variant", "splice_region_variant&intron_variant",
             "splice_polypyrimidine_tract_variant&intron_variant", "intron_variant&non_coding_transcript_variant"]  # fmt: skip
    rare, intron, upstream = len(texts), texts.index("intron_variant"), texts.index("upstream_gene_variant")
    weights = np.full(rare, 0.002)
    for term, weight in (("intron_variant", 6), ("missense_variant", 0.4), ("synonymous_variant", 0.3),
                         ("upstream_gene_variant", 0.8), ("downstream_gene_variant", 0.8), ("3_prime_UTR_variant", 0.3),
                         ("intron_variant&non_coding_transcript_variant", 0.6)):  # fmt: skip
        weights[texts.index(term)] = weight
    weights[texts.index("intergenic_variant")] = 0
    usual = chance.choice(rare, count, p=weights / weights.sum())
    other = np.where(chance.random(len(owner)) < 0.1, chance.choice([intron, upstream], len(owner)), usual[owner])
    called = np.where(inside[owner], other, texts.index("intergenic_variant"))
    rank = np.array([min(TERMS.index(term) for term in item.split("&")) for item in texts])
    worst = np.minimum.reduceat(rank[called], first)
    picked = called[first]
    impacts = [str(IMPACTS[number]) for number in rank]

    def some(share: float, values: Any) -> Any:
        return pa.array(values, mask=chance.random(count) >= share)

    def coded(numbers: Any, values: list[str], mask: Any = None) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32), mask=mask), pa.array(values))

    ids = np.arange(count, dtype=np.int32)
    base = np.array(list("ACGT"))
    ref_code = chance.integers(0, 4, count)
    alt_code = (ref_code + chance.integers(1, 4, count)) % 4
    kind = chance.choice(3, count, p=[0.9, 0.05, 0.05])
    tail = np.array(["", "AC", "T", "GATTACA"])[chance.integers(1, 4, count)]
    ref = np.char.add(base[ref_code], np.where(kind == 2, tail, ""))
    alt = np.where(kind == 0, base[alt_code], np.char.add(base[ref_code], np.where(kind == 1, tail, "")))
    numbers = pos.astype(str)
    hgvsg = np.char.add(np.char.add("NC_0000", np.array(contigs)[contig]), np.char.add(".11:g.", numbers))
    hgvsg = np.char.add(hgvsg, np.char.add(ref.astype(str), np.char.add(">", alt)))
    symbols = [f"GENE{number}" for number in range(genes)]
    touched = inside & ~np.isin(picked, [upstream, texts.index("downstream_gene_variant")])
    exonic = inside & np.isin(picked, [texts.index(term) for term in ("missense_variant", "synonymous_variant")])
    residue = np.char.add("p.Arg", (pos % 2000).astype(str))
    genotype = chance.choice(4, (count, 3), p=[0.5, 0.3, 0.15, 0.05])
    of_genotype = ["0/0", "0/1", "1/1", "./."]
    significances = ["Pathogenic", "Likely pathogenic", "Uncertain significance", "Likely benign", "Benign",
                     "Conflicting classifications of pathogenicity", "Benign/Likely benign"]  # fmt: skip
    known = chance.random(count) < 0.02
    columns = {
        "id": ids, "line": ids + 30, "contig": coded(contig, contigs), "pos": pos, "ref": pa.array(ref.astype(object)),
        "alt": pa.array(alt.astype(object)), "original": pa.nulls(count, pa.string()),
        "ids": some(0.5, np.char.add("rs", numbers).astype(object)),
        "qual": (chance.random(count) * 1000).astype(np.float32),
        "filter": coded(chance.choice(3, count, p=[0.9, 0.07, 0.03]), ["PASS", "LowQual", "LowGQ;LowDP"]),
        "class": coded(kind, ["SNV", "insertion", "deletion"]), "hgvsg": pa.array(hgvsg.astype(object)),
        "gene": coded(home, symbols, ~touched), "gene_id": coded(home, [f"ENSG{n:011}" for n in range(genes)], ~touched),
        "transcript": coded(home, [f"ENST{n:011}.1" for n in range(genes)], ~touched),
        "consequence": coded(worst, list(TERMS)), "impact": coded(worst, [str(item) for item in IMPACTS]),
        "picked_consequence": coded(picked, texts),
        "hgvsc": pa.array(np.char.add("ENST:c.", numbers).astype(object), mask=~touched),
        "hgvsp": pa.array(np.char.add("ENSP:", residue).astype(object), mask=~exonic),
        "clinvar_significance": coded(chance.integers(0, len(significances), count), significances, ~known),
        "clinvar_stars": pa.array(chance.integers(0, 5, count).astype(np.int8), mask=~known),
        "clinvar_conditions": pa.array(np.char.add("Syndrome ", (pos % 3000).astype(str)).astype(object), mask=~known),
        "clinvar_accession": pa.array(numbers.astype(object), mask=~known),
        "dbsnp": some(0.5, np.char.add("rs", numbers).astype(object)),
        "af": some(0.8, (chance.random(count) ** 6).astype(np.float32)),
        **{name: (genotype == code).sum(axis=1).astype(np.int32)
           for code, name in enumerate(("n_hom_ref", "n_het", "n_hom_alt", "n_missing"))},
        "haplotype": chance.random(count) < 0.001,
        "gt": pa.ListArray.from_arrays(pa.array(np.arange(0, 3 * count + 1, 3, dtype=np.int32)),
                                       coded(genotype.ravel(), of_genotype).cast(pa.string())),
    }  # fmt: skip
    table = pa.table([columns[field.name] for field in VARIANTS], names=VARIANTS.names)
    table = table.replace_schema_metadata({"samples": json.dumps(SAMPLES)})
    paths = {name: folder / f"{name}.parquet" for name in ("variants", "consequences")}
    pq.write_table(table, paths["variants"], compression="zstd", row_group_size=ROW_GROUP)

    gene = home[owner]
    transcripts = [f"ENST{number:011}.{i}" for number in range(genes) for i in range(9)]
    outside = ~inside[owner]
    rows = {
        "variant": owner, "Consequence": coded(called, texts), "IMPACT": coded(called, impacts),
        "SYMBOL": coded(gene, symbols, outside), "Gene": coded(gene, [f"ENSG{n:011}" for n in range(genes)], outside),
        "Feature": coded(gene * 9 + nth, transcripts, outside), "PICK": nth == 0,
        "DISTANCE": pa.array(np.full(len(owner), 1200, dtype=np.int32), mask=~np.isin(called, [upstream])),
    }  # fmt: skip
    made = [rows.get(field.name, pa.nulls(len(owner), field.type)) for field in CONSEQUENCES]
    pq.write_table(
        pa.table(made, names=CONSEQUENCES.names), paths["consequences"], compression="zstd", row_group_size=ROW_GROUP
    )
    return paths
