"""Every codon of every mitochondrial gene, against a translation that knows nothing of `csq`."""

from __future__ import annotations

from pathlib import Path

from tests.unit.pipeline.vcf import annotated, rcrs, vcf

VERTEBRATE_MITOCHONDRIA = "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG"
"""NCBI's genetic code 2, codons in the order TTT, TTC, TTA, TTG, TCT, …"""
CODE = {
    first + second + third: VERTEBRATE_MITOCHONDRIA[16 * a + 4 * b + c]
    for a, first in enumerate("TCAG")
    for b, second in enumerate("TCAG")
    for c, third in enumerate("TCAG")
}
OTHER_BASE = {"A": "G", "C": "A", "G": "T", "T": "C", "N": "A"}
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def test_every_position_of_every_gene_is_translated_with_the_mitochondrial_code(tmp_path: Path) -> None:
    sequence = rcrs().bases("MT", 1, 16569)
    model = rcrs().open("MT").model
    records = [f"MT {pos} . {base} {OTHER_BASE[base]}" for pos, base in enumerate(sequence, 1)]
    found = {
        (int(row["pos"]), row["gene"]): (row["consequence"], row["amino_acids"])
        for row in annotated(tmp_path, vcf(*records)).rows
    }
    checked = 0
    for number in range(model.transcripts):
        first, last, symbol = int(model.start[number]), int(model.end[number]), model.texts["symbol"][number]
        forward = model.strand[number] == 1
        coding = sequence[first - 1 : last]
        if not model.coding[number]:
            continue
        if not forward:
            coding = coding.translate(COMPLEMENT)[::-1]
        for offset in range(3, len(coding) - len(coding) % 3):  # start codons have rules of their own
            pos = first + offset if forward else last - offset
            alt = OTHER_BASE[sequence[pos - 1]]
            alt = alt if forward else alt.translate(COMPLEMENT)
            start = offset - offset % 3
            codon = coding[start : start + 3]
            before = CODE[codon]
            after = CODE[codon[: offset % 3] + alt + codon[offset % 3 + 1 :]]
            assert found[pos, symbol] == expected(before, after), (pos, symbol)
            checked += 1
    assert checked > 11_000


def expected(before: str, after: str) -> tuple[str, str]:
    if before == after:
        return ("stop_retained_variant" if before == "*" else "synonymous_variant"), before
    term = "stop_gained" if after == "*" else "stop_lost" if before == "*" else "missense_variant"
    return term, f"{before}/{after}"
