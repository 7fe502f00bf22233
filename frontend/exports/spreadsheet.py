"""A spreadsheet that is sent while it is made.

XlsxWriter makes the workbook: headings, widths, filter, the sheet about where it comes from. The rows of variants are
put into its first sheet as they are read, as DuckDB writes them: in Python a million rows would take minutes.

Format: ECMA-376 part 1, 18.3.1 (sheetData); cells hold inline strings, so that none is a formula, a link or a date.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, RawIOBase
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from frontend.exports import columns
from frontend.exports.columns import Column
from frontend.exports.selection import PIECE, TRANSCRIPTS_PIECE, Selection
from shared.core.errors import Permanent

MOST_ROWS: Final = 1_048_575
"""Below the heading."""
MOST_CHARACTERS: Final = 32_767
"""In a cell; what is longer is cut."""
MANY_CELLS: Final = 25_000_000
"""From about here on the sheet may have more than 2 GiB, which takes another form of ZIP; old readers know the usual one
alone."""

_SHEET: Final = "xl/worksheets/sheet1.xml"
_END_OF_ROWS: Final = b"</sheetData>"
_NOT_FOR_XML: Final = "[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x{FFFE}\\x{FFFF}]"
_WIDTHS: Final = {"contig": 8, "pos": 12, "ref": 9, "alt": 9, "consequence": 24, "hgvsg": 24, "hgvsc": 24, "hgvsp": 24}


def xlsx(selection: Selection, about: Mapping[str, str], *, each_transcript: bool = False) -> Iterator[bytes]:
    """Raises `Permanent` at once, before anything is sent, when there are more rows than a spreadsheet holds."""
    shown = columns.of_variants(selection, each_transcript=each_transcript)
    if each_transcript:
        shown += columns.of_consequences(selection)
    number = _rows_with_transcripts(selection) if each_transcript else len(selection)
    if number > MOST_ROWS:
        raise Permanent(
            f"These are {number:,} rows, and a spreadsheet holds {MOST_ROWS:,}. Narrow the filter, for instance to one "
            "chromosome or to an impact, or export them as TSV."
        )
    return _with_rows(
        _workbook([column.name for column in shown], about, number),
        _rows(selection, shown, each_transcript=each_transcript),
        is_large=number * len(shown) > MANY_CELLS,
    )


def _workbook(names: Sequence[str], about: Mapping[str, str], rows: int) -> bytes:
    """All but the rows."""
    target = BytesIO()
    workbook = Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = workbook.add_format({"bold": True})
    sheet = workbook.add_worksheet("Variants")
    sheet.freeze_panes(1, 4)
    for place, name in enumerate(names):
        sheet.set_column(place, place, _WIDTHS.get(name, 14))
        sheet.write_string(0, place, name[:MOST_CHARACTERS], bold)
    sheet.autofilter(0, 0, rows, len(names) - 1)
    second = workbook.add_worksheet("About")
    second.set_column(0, 0, 18)
    second.set_column(1, 1, 110)
    for row, (label, text) in enumerate(about.items()):
        second.write_string(row, 0, label, bold)
        second.write_string(row, 1, text[:MOST_CHARACTERS])
    workbook.close()
    return target.getvalue()


def _with_rows(workbook: bytes, rows: Iterator[bytes], *, is_large: bool) -> Iterator[bytes]:
    """The workbook with these rows below the heading of its first sheet."""
    sink = _Sink()
    with (
        zipfile.ZipFile(BytesIO(workbook)) as source,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in source.namelist():
            part = source.read(name)
            if name != _SHEET:
                target.writestr(name, part)
                continue
            head, end, tail = part.partition(_END_OF_ROWS)
            # the range of cells is said for the convenience of readers alone, and is no longer this
            head = re.sub(rb"<dimension [^>]*/>", b"", head)
            with target.open(name, "w", force_zip64=is_large) as sheet:
                sheet.write(head)
                for piece in rows:
                    sheet.write(piece)
                    yield sink.taken()
                sheet.write(end + tail)
            yield sink.taken()
    yield sink.taken()


def _rows(selection: Selection, shown: Sequence[Column], *, each_transcript: bool) -> Iterator[bytes]:
    values = ", ".join(f"{column.exact} AS c{place}" for place, column in enumerate(shown))
    cells = ", ".join(_cell(column, place) for place, column in enumerate(shown))
    place_in_piece = f"row_number() OVER ({columns.order(each_transcript=each_transcript)}) AS k"
    inner = columns.rows(f"{values}, {place_in_piece}", each_transcript=each_transcript)
    query = (
        f"""SELECT concat('<row r="', n, '">', {cells}, '</row>') """
        f"FROM (SELECT *, CAST(? AS INTEGER) + k AS n FROM ({inner})) ORDER BY n"
    )
    done = 1  # the heading
    for first, last in selection.pieces(TRANSCRIPTS_PIECE if each_transcript else PIECE):
        places = [done, *([first, last] * (3 if each_transcript else 2))]
        found = selection.connection.execute(query, places).fetchall()
        done += len(found)
        yield "".join(text for (text,) in found).encode()


def _cell(column: Column, place: int) -> str:
    """An expression for one cell of row ``n``; nothing at all where there is no value."""
    value, start = f"c{place}", f"""'<c r="{xl_col_to_name(place)}', n"""
    if column.kind == "BOOLEAN":
        cell = f"""{start}, '" t="b"><v>', CAST({value} AS INTEGER), '</v></c>'"""
    elif column.is_number:
        cell = f"""{start}, '"><v>', {value}, '</v></c>'"""
    else:
        plain = f"regexp_replace(left({value}, {MOST_CHARACTERS}), '{_NOT_FOR_XML}', '', 'g')"
        escaped = f"replace(replace(replace({plain}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
        cell = f"""{start}, '" t="inlineStr"><is><t xml:space="preserve">', {escaped}, '</t></is></c>'"""
    return f"CASE WHEN {value} IS NOT NULL THEN concat({cell}) ELSE '' END"


def _rows_with_transcripts(selection: Selection) -> int:
    [found] = selection.connection.execute(
        "SELECT count(*) FROM matched LEFT JOIN consequences AS c ON c.variant = matched.id"
    ).fetchone() or (0,)
    return int(found)


class _Sink(RawIOBase):
    """Takes what is written, until it is taken away; nothing can be written twice."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found
