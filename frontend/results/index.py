"""Makes of a job's Parquet files one DuckDB file in which any filter is quick.

``variants``
    The rows of ``variants.parquet`` and: ``stop`` (last position of REF), ``severity`` (rank of the consequence, 0 is
    worst), ``kind`` (the class, but of an SNV ``transition`` or ``transversion``), ``callset``, ``zygosities`` (2 bits a sample, `vocabulary.ZYGOSITIES`) and ``search`` (what free text is looked
    for in, in lower case)
    and ``near`` (the gene of the picked transcript where the variant lies beside it and ``gene`` is empty).
``calls``
    Every different consequence that a transcript was given: ``call`` (number), ``consequence`` (terms joined with
    ``&``), ``terms``, ``impact``, ``beside`` (the variant does not touch the transcript).
``callsets``
    Which calls belong to a call set. Transcripts of a million variants give a few hundred different sets.
``worst``
    The most severe ``consequence`` of each call set, its ``impact``, and whether even that one is ``beside``.
``genes``, ``gene_calls``
    Symbol and id; for each gene and variant the call set over that gene's transcripts alone, ordered by gene.
``samples``
    ``position`` and ``name`` of the samples whose genotypes are there: of none in a file of many samples.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from frontend.results.vocabulary import BESIDE, TERMS, TRANSITIONS, ZYGOSITIES

VERSION = 3
"""Part of the name under which an index is kept: another one is made when what it holds changes."""
BUILD_MEMORY = "1GB"
SEARCHED = (
    "hgvsg", "hgvsc", "hgvsp", "nullif(ids, dbsnp)", "dbsnp", "clinvar_conditions", "clinvar_accession", "original",
)  # fmt: skip
"""Columns in which free text is looked for, besides genes."""


def build(variants: Path, consequences: Path, target: Path) -> None:
    """Writes the index. Raises `duckdb.Error` when the files are not what they should be."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": BUILD_MEMORY,
        "temp_directory": str(target.with_name("spill")),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(target, config=settings) as connection:
        _samples(connection, variants)
        _calls(connection, consequences)
        _variants(connection, variants)
        connection.execute("CHECKPOINT")


def _has_genotypes(connection: duckdb.DuckDBPyConnection, variants: Path) -> bool:
    """The names of all samples are always there, their genotypes only in files of few samples."""
    described = connection.execute("DESCRIBE FROM read_parquet(?)", [str(variants)]).fetchall()
    return "gt" in {row[0] for row in described}


def _samples(connection: duckdb.DuckDBPyConnection, variants: Path) -> None:
    found = connection.execute(
        "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'samples'", [str(variants)]
    ).fetchone()
    names: list[str] = json.loads(found[0]) if found else []
    connection.execute("CREATE TABLE samples (position INTEGER, name VARCHAR)")
    if names and _has_genotypes(connection, variants):
        connection.executemany("INSERT INTO samples VALUES (?, ?)", list(enumerate(names)))


def _calls(connection: duckdb.DuckDBPyConnection, consequences: Path) -> None:
    connection.execute(
        """
        CREATE TEMP TABLE rows AS
        SELECT variant, coalesce(Gene, SYMBOL) AS gene_id, SYMBOL AS symbol, Feature AS feature,
               Consequence AS consequence, IMPACT AS impact
        FROM read_parquet(?)
        """,
        [str(consequences)],
    )
    connection.execute(
        """
        CREATE TABLE genes AS
        SELECT row_number() OVER (ORDER BY symbol, gene_id)::INTEGER AS gene, gene_id, symbol
        FROM (SELECT gene_id, min(symbol) AS symbol FROM rows WHERE gene_id IS NOT NULL GROUP BY gene_id)
        """
    )
    connection.execute(
        """
        CREATE TEMP TABLE symbols AS
        SELECT feature, any_value(symbol) AS symbol FROM rows WHERE feature IS NOT NULL GROUP BY feature
        """
    )
    connection.execute(
        """
        CREATE TABLE calls AS
        SELECT row_number() OVER (ORDER BY consequence)::SMALLINT AS call, consequence, impact,
               string_split(consequence, '&') AS terms, list_has_any(string_split(consequence, '&'), ?) AS beside
        FROM (SELECT DISTINCT consequence, impact FROM rows)
        """,
        [list(BESIDE)],
    )
    connection.execute("CREATE TEMP TABLE severities (consequence VARCHAR, severity UTINYINT)")
    connection.executemany("INSERT INTO severities VALUES (?, ?)", [(term, i) for i, term in enumerate(TERMS)])
    for statement in (
        """
        CREATE TEMP TABLE pairs AS
        SELECT DISTINCT variant, gene, call FROM rows JOIN calls USING (consequence, impact) LEFT JOIN genes USING (gene_id)
        """,
        """
        CREATE TEMP TABLE gene_sets AS
        SELECT gene, variant, list_sort(list(call)) AS calls FROM pairs WHERE gene IS NOT NULL GROUP BY gene, variant
        """,
        """
        CREATE TEMP TABLE variant_sets AS
        SELECT variant, list_sort(list(DISTINCT call)) AS calls FROM pairs GROUP BY variant
        """,
        """
        CREATE TEMP TABLE sets AS
        SELECT row_number() OVER ()::INTEGER AS callset, calls
        FROM (SELECT calls FROM gene_sets UNION SELECT calls FROM variant_sets)
        """,
        "CREATE TABLE callsets AS SELECT callset, unnest(calls) AS call FROM sets",
        f"""
        CREATE TABLE worst AS
        SELECT callset, arg_min(term, rank) AS consequence, arg_min(impact, rank) AS impact, arg_min(beside, rank) AS beside
        FROM (
            SELECT callset, term, impact, beside, coalesce(severity, {len(TERMS)}) AS rank
            FROM callsets
            JOIN (SELECT call, impact, beside, unnest(terms) AS term FROM calls) USING (call)
            LEFT JOIN severities ON severities.consequence = term
        )
        GROUP BY callset
        """,
        """
        CREATE TABLE gene_calls AS
        SELECT gene, variant, callset FROM gene_sets JOIN sets USING (calls) ORDER BY gene, variant
        """,
    ):
        connection.execute(statement)


def _variants(connection: duckdb.DuckDBPyConnection, variants: Path) -> None:
    """The rows stay in the order of the file, which is the genome's."""
    zygosities = (
        f"coalesce(list_sum(list_transform(gt, {_ZYGOSITY})), 0)::BIGINT"
        if _has_genotypes(connection, variants)
        else "NULL::BIGINT"
    )
    connection.execute(
        f"""
        CREATE TABLE variants AS
        SELECT v.*, (v.pos + greatest(length(v.ref), 1) - 1)::INTEGER AS stop,
               coalesce(severities.severity, {len(TERMS)})::UTINYINT AS severity, {_KIND} AS kind, sets.callset, {zygosities} AS zygosities,
               CASE WHEN v.gene IS NULL THEN symbols.symbol END AS near,
               lower(concat_ws(chr(10), {", ".join(SEARCHED)})) AS search
        FROM read_parquet(?) AS v
        LEFT JOIN severities USING (consequence)
        LEFT JOIN symbols ON symbols.feature = v.transcript
        LEFT JOIN (SELECT variant, callset FROM variant_sets JOIN sets USING (calls)) AS sets ON sets.variant = v.id
        ORDER BY v.id
        """,
        [str(variants)],
    )


_KIND = f"""CASE WHEN class <> 'SNV' OR contains('N', ref) OR contains('N', alt) THEN class
    WHEN ref || alt IN ({", ".join(f"'{pair}'" for pair in TRANSITIONS)}) THEN 'transition' ELSE 'transversion' END"""
_ZYGOSITY = f"""
lambda genotype, position: (CASE
    WHEN regexp_matches(genotype, '^1([|/]1)*$') THEN {ZYGOSITIES["hom"]}
    WHEN regexp_matches(genotype, '(^|[|/])1([|/]|$)') THEN {ZYGOSITIES["het"]}
    WHEN contains(genotype, '.') OR genotype = '' THEN {ZYGOSITIES["missing"]}
    ELSE {ZYGOSITIES["ref"]}
END)::BIGINT << (2 * (position - 1))
"""
