"""The genome view: igv.js over the job's own files, which the browser reads from S3 in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
from flask import Response, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from frontend.access import services, settings
from frontend.assets import static_url
from frontend.jobs.blueprint import blueprint
from frontend.results.conditions import same_contig
from frontend.results.filters import LONGEST, Filter
from frontend.results.store import has_variants, open_results
from frontend.security import content_security_policy
from shared.core.jobs import Job

AROUND = 5000
"""Bases to both sides of the variant at which it opens."""
SMALL = 20_000
"""Bases of a contig that is shown whole."""
VISIBLE_BASES = 2_000_000
"""The widest window in which variants are read."""

IGV_STYLES = (
    "'sha256-ITHmamcImsZ/Je1xrdtDLZVvRSpj1Zokb6uHXORB824='",
    "'sha256-NTwDUA6nIvRRpI2lIBtHJqkV0TlTj4HVmI6vI81fIfM='",
)
"""Hashes of the two style sheets that igv.js 3.8.10 writes into the page when it is loaded (of its colour picker and its
circular view). All its other styles are constructed, which needs no permission."""


@blueprint.get("/<job_id>/genome")
def genome(job: Job) -> ResponseReturnValue:
    """The page. ``locus`` is where it opens."""
    if not (has_variants(job) and {"vcf", "tbi"} <= job.results.keys()):
        abort(404)
    with open_results(job) as connection:
        lengths = contig_lengths(connection, job.pack)
        asked = _asked(lengths)
        locus = asked or _first(connection, lengths)
    missing = "" if asked else request.args.get("locus", "").strip()[:LONGEST]
    page = render_template(
        "results/genome.html", job=job, config=_config(job, lengths, locus), locus=locus, missing=missing
    )
    response: Response = make_response(page)
    response.headers["Content-Security-Policy"] = policy()
    return response


@blueprint.get("/<job_id>/genome/sizes")
def genome_sizes(job: Job) -> ResponseReturnValue:
    """Names and lengths of the contigs, as igv.js reads them in place of a sequence."""
    with open_results(job) as connection:
        lengths = contig_lengths(connection, job.pack)
    text = "".join(f"{contig}\t{length}\n" for contig, length in lengths.items())
    return Response(text, mimetype="text/plain")


def policy() -> str:
    """The pages' policy and what igv.js needs besides: to read the results in S3, and its two style sheets."""
    reading = " ".join(("'self'", *settings().results_origins))
    parts = dict(part.partition(" ")[::2] for part in content_security_policy(settings()).split("; "))
    parts["connect-src"] = reading
    parts["style-src"] = " ".join(("'self'", *IGV_STYLES))
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def contig_lengths(connection: duckdb.DuckDBPyConnection, pack: str) -> dict[str, int]:
    """Of every contig with variants, in the genome's order. Where the pack is no longer known, a contig ends with its
    last variant."""
    found = connection.execute("SELECT contig, max(stop) FROM variants GROUP BY contig ORDER BY min(id)").fetchall()
    card = services().catalogue.card(pack)
    known = {contig.name: contig.length for contig in card.contigs} if card else {}
    return {contig: max(known.get(contig, 0), last) for contig, last in found}


def _asked(lengths: Mapping[str, int]) -> str | None:
    """What the address asks for; None where it asks for nothing, or for nothing that this file has."""
    there, _ = Filter.parse(MultiDict({"region": request.args.get("locus", "")}))
    for region in there.region:
        for contig, length in lengths.items():
            if contig.lower() in same_contig(region.contig) and region.start <= length:
                return f"{contig}:{region.start}-{min(region.end, length)}"
    return None


def _first(connection: duckdb.DuckDBPyConnection, lengths: Mapping[str, int]) -> str:
    """The first variant under the address's filter, with something around it."""
    chosen, _ = Filter.parse(request.args)
    where = chosen.where()
    first = connection.execute(
        f"SELECT contig, pos FROM variants WHERE {where.sql} ORDER BY id LIMIT 1", where.parameters
    ).fetchone()
    if first is None or lengths[first[0]] <= SMALL:
        return next(iter(lengths), "all") if first is None else str(first[0])
    return f"{first[0]}:{max(1, first[1] - AROUND)}-{first[1] + AROUND}"


def _config(job: Job, lengths: dict[str, int], locus: str) -> dict[str, Any]:
    """For `igv.createBrowser`."""

    def link(kind: str) -> str:
        # Leads to an address in S3 made for each piece: one that is made here would end while the page is open, at the
        # latest with the credentials of the instance that made it.
        return url_for("jobs.download", job_id=job.job_id, kind=kind)

    tracks: list[dict[str, Any]] = [
        {
            "name": "Variants",
            "type": "variant",
            "format": "vcf",
            "url": link("vcf"),
            "indexURL": link("tbi"),
            "visibilityWindow": VISIBLE_BASES,
            "height": 160,
            "showGenotypes": True,
        }
    ]
    if "genes" in job.results:
        genes = {
            "name": "Genes with variants",
            "type": "annotation",
            "format": "bed",
            "url": link("genes"),
            "displayMode": "EXPANDED",
        }
        tracks.append({**genes, "height": 120, "searchable": True})
    return {
        "script": static_url("vendor/igv.esm.min.js"),
        "options": {
            "loadDefaultGenomes": False,
            "search": False,  # genes are found in the track; igv.js would ask igv.org
            "reference": {
                "id": job.pack,
                "name": str((job.summary.get("pack") or {}).get("title") or job.pack),
                "format": "chromsizes",
                "fastaURL": url_for("jobs.genome_sizes", job_id=job.job_id),
                "wholeGenomeView": len(lengths) > 1,
                "tracks": [],
            },
            "locus": locus,
            "tracks": tracks,
            "showSVGButton": True,
        },
    }
