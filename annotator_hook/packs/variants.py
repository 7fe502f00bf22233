"""Known variants out of VCFs: read in blocks of columns, normalised as the pipeline does, merged allele by allele.

INFO fields: ClinVar's VCF README (CLNSIG, CLNREVSTAT, CLNDN, RS; the ID is the variation's number); the VCF
specification's AF, one number an alternative allele.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from annotator_hook.consequence import store
from annotator_hook.consequence.arrays import Bytes
from annotator_hook.packs import known
from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.variant import Variant
from shared.core.errors import Permanent

Kind = Literal["clinvar", "sites"]
"""What a VCF is read for: ClinVar's classifications, or dbSNP's names and allele frequencies."""

STARS: Final[Mapping[str, int]] = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_conflicting_interpretations": 1,
    "criteria_provided,_single_submitter": 1,
}
"""Review status → stars; any other status has none. Source: ClinVar, "Review status" (wordings of 2015 and 2024)."""

_BLOCK: Final = 32 << 20
"""Bytes; a record longer than that cannot be read."""
_MERGED: Final = 1_000_000
"""Rows, about, that are merged at once: dbSNP's of a chromosome do not fit into memory."""
_CHECKED: Final = 200
"""Records on the pack's contigs after which a file whose REFs mostly disagree is known to be of another assembly."""
_NEEDED: Final = ("CHROM", "POS", "ID", "REF", "ALT", "INFO")
_ALLELE: Final = "^[ACGTN]+$"
_CLINVAR: Final = ("clinvar_stars", "clinvar_accession", "clinvar_significance", "clinvar_conditions")


@dataclass
class Read:
    """What became of a file's records."""

    alleles: int = 0
    elsewhere: int = 0
    """Records on contigs that the pack lacks."""
    disagreeing: int = 0
    """Alleles whose REF is not what the sequence has."""
    unusable: int = 0
    """Symbolic and missing alleles, and those with other letters than A, C, G, T, N."""
    columns: set[str] = field(default_factory=set)
    """Which of `known.SCHEMA` the file filled."""

    def __str__(self) -> str:
        left_out = {
            "records on contigs that the pack lacks": self.elsewhere,
            "alleles whose REF is not what the sequence has": self.disagreeing,
            "symbolic or missing alleles": self.unusable,
        }
        return f"{self.alleles:,} alleles" + "".join(f"; left out {n:,} {why}" for why, n in left_out.items() if n)


class Collector:
    """Takes in the known variants of one pack, file after file, and writes a table a contig."""

    def __init__(self, folder: Path, engine: Path, by_alias: Mapping[str, str]) -> None:
        """``folder``: an empty one for scratch files; ``engine``: the genome as `consequence.store` prepared it;
        ``by_alias``: any name in lower case → the pack's contig."""
        self._folder = folder
        self._engine = engine
        self._by_alias = by_alias
        self._parts: dict[str, list[Path]] = {}
        self._filled: dict[str, set[str]] = {}
        self._sequence = _Sequence("", np.zeros(0, dtype=np.uint8))

    def add(self, lines: BinaryIO, kind: Kind, name: str) -> Read:
        """Reads one VCF, unpacked.

        Args:
            lines: The file.
            kind: What it is read for.
            name: Of the file, for sentences.

        Raises `Permanent` when it is no VCF, or one of another assembly.
        """
        result = Read()
        writers: dict[str, pq.ParquetWriter] = {}
        number = sum(len(parts) for parts in self._parts.values())
        try:
            for contig, table in self._tables(lines, kind, name, result):
                if contig not in writers:
                    path = self._folder / f"{number + len(writers)}.parquet"
                    self._parts.setdefault(contig, []).append(path)
                    writers[contig] = pq.ParquetWriter(path, table.schema, compression="lz4")
                writers[contig].write_table(table)
                filled = {n for n in table.column_names if table.column(n).null_count < table.num_rows}
                self._filled.setdefault(contig, set()).update(filled)
                result.columns |= filled
        finally:
            for writer in writers.values():
                writer.close()
        return result

    def write(self, contig: str, path: Path) -> int:
        """Merges what is known of a contig into the table ``path``; answers its rows, and writes nothing for none."""
        parts = [str(part) for part in self._parts.get(contig, [])]
        if not parts:
            return 0
        schema = pa.schema([column for column in known.SCHEMA if column.name in self._filled[contig]])
        # A ClinVar record stays together: of several for one allele, the one with the most stars, then by name.
        record = f"max(struct_pack({', '.join(_CLINVAR)})) FILTER (clinvar_stars IS NOT NULL)"
        chosen = {**{name: f"({record}).{name}" for name in _CLINVAR}, "dbsnp": "min(dbsnp)", "af": "max(af)"}
        selected = ["pos", "ref", "alt", *(f"{chosen[n]} AS {n}" for n in schema.names if n in chosen)]
        query = (
            f"SELECT {', '.join(selected)} FROM read_parquet($parts, union_by_name = true) "  # noqa: S608 - our own names
            f"WHERE pos BETWEEN $first AND $last GROUP BY pos, ref, alt ORDER BY pos, ref, alt"
        )
        with duckdb.connect(config=self._limits()) as database:
            ((rows, end),) = database.sql(
                "SELECT count(*), max(pos) FROM read_parquet($parts, union_by_name = true)", params={"parts": parts}
            ).fetchall()
            width = max(1, -(-end * _MERGED // rows))

            def batches() -> Iterator[Any]:
                for first in range(1, end + 1, width):
                    chosen = {"parts": parts, "first": first, "last": first + width - 1}
                    for batch in database.sql(query, params=chosen).to_arrow_reader(known.BATCH_ROWS):
                        yield batch.cast(schema)

            return known.write(batches(), schema, path)

    def _limits(self) -> dict[str, str | bool | int | float | list[str]]:
        """A region that is fuller than others and does not fit into memory uses the scratch folder."""
        return {"memory_limit": "1GB", "threads": "2", "temp_directory": str(self._folder / "sorting")}

    def _tables(self, lines: BinaryIO, kind: Kind, name: str, result: Read) -> Iterator[tuple[str, Any]]:
        for block in _blocks(lines, name):
            for contig, rows in _by_contig(block):
                ours = self._by_alias.get(contig.lower())
                if ours is None:
                    result.elsewhere += rows.num_rows
                    continue
                alleles = _alleles(rows, kind)
                table = self._normalised(ours, alleles, result)
                if result.disagreeing > max(_CHECKED, result.alleles):
                    raise Permanent(
                        f"{name} is of another assembly: in {result.disagreeing:,} of "
                        f"{result.disagreeing + result.alleles:,} alleles REF is not what the sequence has."
                    )
                if table.num_rows:
                    yield ours, table

    def _normalised(self, contig: str, table: Any, result: Read) -> Any:
        usable = pc.and_(
            pc.match_substring_regex(table["ref"], _ALLELE), pc.match_substring_regex(table["alt"], _ALLELE)
        )
        usable = pc.and_(usable, pc.not_equal(table["ref"], table["alt"]))
        result.unusable += table.num_rows - int(pc.sum(usable).as_py() or 0)
        table = table.filter(usable).combine_chunks()
        pos = table["pos"].to_numpy().copy()
        refs, alts = table["ref"], table["alt"]
        single = np.asarray(pc.and_(pc.equal(pc.binary_length(refs), 1), pc.equal(pc.binary_length(alts), 1)))
        agrees = np.zeros(len(pos), dtype=np.bool_)
        if self._sequence.contig != contig:
            self._sequence = _Sequence(contig, store.open_contig(self._engine, contig).sequence)
        sequence = self._sequence.array
        inside = single & (pos >= 1) & (pos <= len(sequence))
        letters = np.frombuffer("".join(refs.filter(pa.array(inside)).to_pylist()).encode(), dtype=np.uint8)
        agrees[inside] = sequence[pos[inside] - 1] == letters
        ref_list, alt_list = refs.to_pylist(), alts.to_pylist()
        for row in np.flatnonzero(~single):
            at, ref = int(pos[row]), ref_list[row]
            if at < 1 or sequence[at - 1 : at - 1 + len(ref)].tobytes() != ref.encode():
                continue
            found = normalise(Variant(contig, at, ref, alt_list[row]), self._sequence)
            pos[row], ref_list[row], alt_list[row], agrees[row] = found.pos, found.ref, found.alt, True
        result.disagreeing += int(len(pos) - agrees.sum())
        result.alleles += int(agrees.sum())
        for column, values in (("pos", pos), ("ref", ref_list), ("alt", alt_list)):
            index = table.schema.get_field_index(column)
            table = table.set_column(index, column, pa.array(values, type=table.schema.field(column).type))
        return table.filter(pa.array(agrees))


class _Sequence:
    """One contig's bases, mapped into memory."""

    def __init__(self, contig: str, array: Bytes) -> None:
        self.contig = contig
        self.array = array

    def bases(self, contig: str, start: int, end: int) -> str:  # noqa: ARG002 - `normalise` asks any reference so
        """The bases from ``start`` to ``end``, both included; what lies outside is left out."""
        return self.array[max(start, 1) - 1 : end].tobytes().decode()

    def base(self, contig: str, pos: int) -> str:
        """One base; empty outside the contig."""
        return self.bases(contig, pos, pos) if pos > 0 else ""


def _blocks(lines: BinaryIO, name: str) -> Iterator[Any]:
    """The records' columns that are of use, block after block."""
    for raw in iter(lines.readline, b""):
        if raw.startswith(b"#CHROM\t"):
            count = len(raw.rstrip(b"\r\n").split(b"\t"))
            break
        if not raw.startswith(b"#"):
            raise Permanent(f"{name} is no VCF: it has a record before the line that begins with #CHROM.")
    else:
        raise Permanent(f"{name} is no VCF: it has no line that begins with #CHROM.")
    names = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(f"_{n}" for n in range(8, count))][:count]
    types = {needed: pa.int64() if needed == "POS" else pa.string() for needed in _NEEDED}
    try:
        reader = pa.csv.open_csv(
            lines,
            read_options=pa.csv.ReadOptions(column_names=names, block_size=_BLOCK, use_threads=False),
            parse_options=pa.csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False),
            convert_options=pa.csv.ConvertOptions(
                column_types=types, include_columns=list(_NEEDED), strings_can_be_null=False
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise Permanent(f"{name} is no VCF: {error}") from error


def _by_contig(block: Any) -> Iterator[tuple[str, Any]]:
    """The block's rows, a run of one contig at a time."""
    encoded = block["CHROM"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    starts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for start, end in pairwise(starts):
        if end > start:
            yield encoded.dictionary[int(codes[start])].as_py(), block.slice(start, end - start)


def _alleles(rows: Any, kind: Kind) -> Any:
    """One row an alternative allele, with what is said of it."""
    alts = pc.split_pattern(pc.utf8_upper(rows["ALT"].combine_chunks()), ",")
    owner = pc.list_parent_indices(alts)
    of_record = rows.take(owner)
    table = {
        "pos": pc.cast(of_record["POS"], pa.int32()),
        "ref": pc.utf8_upper(of_record["REF"]),
        "alt": pc.list_flatten(alts),
    }
    info = of_record["INFO"].combine_chunks()
    if kind == "clinvar":
        table |= _clinvar(of_record["ID"].combine_chunks(), info)
    else:
        table["dbsnp"] = _extracted(of_record["ID"].combine_chunks(), r"(?:^|;)(?P<v>rs[0-9]+)")
        lengths = pc.list_value_length(alts)
        table["af"] = _frequencies(rows["INFO"].combine_chunks(), lengths, owner)
    return pa.table(table)


def _clinvar(identifiers: Any, info: Any) -> dict[str, Any]:
    number = pc.utf8_lpad(_extracted(identifiers, r"^(?P<v>[0-9]+)$"), 9, "0")
    status = _tag(info, "CLNREVSTAT").dictionary_encode()
    words = status.dictionary.to_pylist()
    stars = pa.array([STARS.get(word, 0) for word in words], type=pa.int8()).take(status.indices)
    return {
        "clinvar_significance": _words(_tag(info, "CLNSIG")),
        "clinvar_stars": pc.fill_null(stars, 0),
        "clinvar_conditions": _words(_tag(info, "CLNDN")),
        "clinvar_accession": pc.binary_join_element_wise(pa.scalar("VCV"), number, ""),
        "dbsnp": pc.binary_join_element_wise(pa.scalar("rs"), _tag(info, "RS", "[0-9]+"), ""),
    }


def _frequencies(info: Any, lengths: Any, owner: Any) -> Any:
    """The frequency of each allele; null where the record has not as many as alternative alleles."""
    values = pc.split_pattern(_tag(info, "AF"), ",")
    fits = np.asarray(pc.fill_null(pc.equal(pc.list_value_length(values), lengths), fill_value=False))
    flat = np.full(len(owner), None, dtype=object)
    flat[fits[owner.to_numpy()]] = pc.list_flatten(values.filter(pa.array(fits))).to_pylist()
    texts = pa.array(flat, type=pa.string())
    number = pc.match_substring_regex(texts, r"^([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$", ignore_case=True)
    return pc.cast(pc.if_else(number, texts, pa.scalar(None, pa.string())), pa.float32())


def _tag(info: Any, name: str, value: str = "[^;]+") -> Any:
    return _extracted(info, rf"(?:^|;){name}=(?P<v>{value})")


def _extracted(texts: Any, pattern: str) -> Any:
    """The named group ``v``; null where the pattern does not match."""
    return pc.struct_field(pc.extract_regex(texts, pattern), "v")


def _words(texts: Any) -> Any:
    return pc.replace_substring(pc.replace_substring(texts, "|", "; "), "_", " ")
