"""Which variants an export holds, as an independent reader finds them."""

from __future__ import annotations

import json
from typing import Any

import html5lib

from tests.unit.frontend_exports.world import tsv_of, vcf_of_zip, xlsx_of


def positions_tsv(data: bytes) -> list[int]:
    return [int(row["pos"]) for row in tsv_of(data)[1]]


def positions_json(data: bytes) -> list[int]:
    return [item["pos"] for item in json.loads(data)["variants"]]


def positions_xlsx(data: bytes) -> list[int]:
    names, *rows = xlsx_of(data)["Variants"]
    return [int(row[names.index("pos")]) for row in rows]


def positions_vcf(data: bytes) -> list[int]:
    return [record.pos for record in vcf_of_zip(data)[1]]


def positions_html(data: bytes) -> list[int]:
    make: Any = html5lib.HTMLParser  # has no types
    root = make(strict=True, namespaceHTMLElements=False).parse(data.decode())
    found = [table for table in root.iter("table") if table.get("class") == "variants"]
    names = [
        "".join(row.find("th").find("code").itertext()) for table in found for row in table.find("tbody").iter("tr")
    ]
    return [int(name.split(":")[1].split(" ")[0].replace(",", "")) for name in names]


READERS = {
    "tsv": positions_tsv,
    "json": positions_json,
    "xlsx": positions_xlsx,
    "vcf": positions_vcf,
    "html": positions_html,
}
