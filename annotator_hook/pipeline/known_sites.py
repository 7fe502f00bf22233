"""What the pack knows of alleles: of the same position and sequences after normalisation, nothing less."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Text
from annotator_hook.packs import known
from annotator_hook.packs.format import Pack
from annotator_hook.pipeline import columns

COLUMNS: Final = tuple(name for name in known.SCHEMA.names if name not in ("pos", "ref", "alt"))


def of(pack: Pack, contig: str, pos: Any, ref: Text, alt: Text) -> Any:
    """A table of ``COLUMNS``, one row an allele, null where nothing is known. Alleles are sorted by ``pos``."""
    places = pos.to_numpy()
    table = pack.known_at(contig, places)
    found = np.full(len(places), -1, dtype=np.int64)
    if table is not None and table.num_rows:
        hits = np.flatnonzero(np.isin(places, table.column("pos").to_numpy()))
        rows = pa.array(hits)
        wanted = _names(pos.take(rows), ref.take(rows), alt.take(rows))
        names = _names(*(_flat(table.column(name)) for name in ("pos", "ref", "alt")))
        found[hits] = pc.fill_null(pc.index_in(wanted, value_set=names), -1).to_numpy()
    rows = pa.array(found, mask=found < 0)
    return pa.table(
        {
            name: _flat(table.column(name)).take(rows)
            if table is not None and name in table.column_names
            else pa.nulls(len(places), known.SCHEMA.field(name).type)
            for name in COLUMNS
        }
    )


def _names(pos: Any, ref: Any, alt: Any) -> Any:
    return columns.join(pos.cast(pa.string()), ":", ref, ">", alt)


def _flat(column: Any) -> Any:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)
