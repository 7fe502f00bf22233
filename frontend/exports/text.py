"""Exports that are sent while they are made: tab-separated text, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from frontend.exports import columns
from frontend.exports.selection import PIECE, TRANSCRIPTS_PIECE, Selection


def tsv(selection: Selection, about: Mapping[str, str], *, each_transcript: bool = False) -> Iterator[bytes]:
    """Lines with ``##`` that say where it comes from, a line with the columns' names, then one line an allele, or
    with ``each_transcript`` one an allele and transcript, the picked one first."""
    shown = columns.of_variants(selection, each_transcript=each_transcript)
    if each_transcript:
        shown += columns.of_consequences(selection)
    head = [f"## {label}: {text}" for label, text in about.items()]
    names = "\t".join(columns.harmless(column.name) for column in shown)
    yield ("\n".join([*head, names]) + "\n").encode()
    query = columns.rows(columns.joined(shown), each_transcript=each_transcript)
    for first, last in selection.pieces(TRANSCRIPTS_PIECE if each_transcript else PIECE):
        places = [first, last] * (3 if each_transcript else 2)
        yield "".join(line for (line,) in selection.connection.execute(query, places).fetchall()).encode()


def to_json(selection: Selection, about: Mapping[str, str]) -> Iterator[bytes]:
    """``{"about": {…}, "variants": [{…, "genotypes": {sample: GT}, "consequences": [{…}, …]}, …]}``.

    One variant a line, so that a reader who has no room for all of them can take them one by one.
    """
    yield f'{{"about": {json.dumps(about, ensure_ascii=False)},\n"variants": ['.encode()
    query = _json_query(selection)
    between = "\n"
    for first, last in selection.pieces(TRANSCRIPTS_PIECE):
        piece = [first, last, first, last]
        found = selection.connection.execute(query, [*piece, *selection.samples, *piece]).fetchall()
        yield (between + ",\n".join(text for (text,) in found)).encode()
        between = ",\n"
    yield b"\n]}\n"


def _json_query(selection: Selection) -> str:
    members = [
        f"{_quoted(column.name)}: {column.exact}"
        for column in columns.of_variants(selection)
        if not column.name.startswith("gt:")
    ]
    genotypes = ", ".join(f"?, v.gt[{place + 1}]" for place in range(len(selection.samples)))
    members.append(f"genotypes: {f'json_object({genotypes})' if genotypes else 'NULL'}")
    members.append("consequences: coalesce(called.list, [])")
    calls = ", ".join(f"{_quoted(column.name)}: {column.exact}" for column in columns.of_consequences(selection))
    return f"""
        WITH called AS (
            SELECT c.variant, list({{{calls}}} ORDER BY c.PICK DESC NULLS LAST, c.Feature) AS list
            FROM consequences AS c
            WHERE c.variant BETWEEN ? AND ? AND c.variant IN (SELECT id FROM matched WHERE id BETWEEN ? AND ?)
            GROUP BY c.variant
        )
        SELECT to_json({{{", ".join(members)}}})
        FROM matched AS m JOIN variants AS v ON v.id = m.id LEFT JOIN called ON called.variant = v.id
        WHERE m.id BETWEEN ? AND ? AND v.id BETWEEN ? AND ?
        ORDER BY v.id
    """


def _quoted(name: str) -> str:
    """A column's name, ours or VEP's, as a member's name."""
    return '"' + name.replace('"', '""') + '"'
