"""`gas packs`: the reference packs on this machine.

Exit codes: 0 done (or nothing to do), 1 it failed and said why, 2 the command was wrong.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import click
from rich.console import Console
from rich.table import Table

from annotator_hook.packs import format as packs
from annotator_hook.packs import recipes
from annotator_hook.packs.build import OwnFiles
from annotator_hook.packs.build import build as build_pack
from annotator_hook.packs.download import Fetcher
from annotator_hook.packs.install import Wish
from annotator_hook.packs.install import install as install_pack
from annotator_hook.packs.shelf import Entry, Shelf
from cli.packs_progress import Shown
from cli.packs_settings import PacksSettings
from shared.core.errors import GasError, Permanent

P = ParamSpec("P")
_MOST_CONTIGS = 30
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _command(function: Callable[P, dict[str, Any] | None]) -> Callable[P, None]:
    """A subcommand with the options that all have. With ``--json`` it answers, or says its error, as JSON."""

    @click.option(
        "--packs-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of installed packs. [default: GAS_PACKS_DIR, else the one that `gas up` uses]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON, on standard output.")
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs["as_json"])
        given = kwargs.pop("packs_dir")
        try:
            kwargs["shelf"] = Shelf(given if isinstance(given, Path) else PacksSettings.from_environment().folder)
            answer = function(*args, **kwargs)
        except GasError as error:
            if not as_json:
                raise
            click.echo(json.dumps({"error": str(error)}))
            sys.exit(1)
        if as_json:
            click.echo(json.dumps(answer, indent=2))

    return run


@click.group()
def packs_group() -> None:
    """Reference packs: genomes with their genes and what is known of their variants."""


@packs_group.command("list")
@_command
def list_packs(shelf: Shelf, *, as_json: bool) -> dict[str, Any]:
    """List the installed packs."""
    entries = shelf.entries()
    if not as_json:
        table = Table("Name", "Title", "Assembly", "Version", "Size", "Installed", box=None, pad_edge=False)
        for entry in entries:
            table.add_row(*_row(entry))
        Console().print(table)
        for entry in entries:
            if entry.problem:
                Console(stderr=True).print(entry.problem, style="red", soft_wrap=True)
        Console().print(f"\nIn {shelf.folder}. To be installed: {', '.join(recipes.available())}.", soft_wrap=True)
    return {"folder": str(shelf.folder), "packs": [_as_json(entry) for entry in entries]}


@packs_group.command()
@click.argument("name")
@_command
def show(shelf: Shelf, *, name: str, as_json: bool) -> dict[str, Any]:
    """Show what a pack holds and where it comes from."""
    entry = shelf.entry(name)
    if entry.pack is None:
        raise Permanent(entry.problem or f"The pack {name} cannot be read.")
    if not as_json:
        _show(entry, entry.pack)
    return _as_json(entry) | {"contigs": entry.pack.manifest["contigs"], "sources": entry.pack.sources}


@packs_group.command()
@click.argument("name", type=click.Choice(recipes.available()))
@click.option("--contigs", default="", help="Only these chromosomes, such as 20,MT. [default: the primary assembly]")
@click.option("--with", "extras", multiple=True, help="Also dbSNP's ids (dbsnp) or allele frequencies (gnomad).")
@click.option("--mirror", help="Address that takes the place of every scheme and host. [default: GAS_PACKS_MIRROR]")
@_command
def install(
    shelf: Shelf, *, name: str, contigs: str, extras: tuple[str, ...], mirror: str | None, as_json: bool
) -> dict[str, Any]:
    """Download a pack and install it; again later to get a newer ClinVar."""
    recipe = recipes.load(name)
    unknown = set(extras) - set(recipe.extras)
    if unknown:
        raise Permanent(f"{name} has no extra {', '.join(sorted(unknown))}; there is: {', '.join(recipe.extras)}.")
    chosen = recipe.choose(tuple(part.strip() for part in contigs.split(",") if part.strip()))
    wish = Wish(recipe, chosen, tuple(extra for extra in recipe.extras if extra in extras))
    fetcher = Fetcher(mirror or PacksSettings.from_environment().packs_mirror or "")
    try:
        with Shown(quiet=as_json) as shown:
            done = install_pack(wish, shelf, fetcher, shown)
    finally:
        fetcher.close()
    if not as_json:
        click.echo(f"{name} {done.version} is installed{' already' if done.already else ' in ' + str(shelf.folder)}.")
    return {"name": name, "version": done.version, "folder": str(done.folder), "already_installed": done.already}


def _genetic_codes(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, int]:
    codes = {}
    for item in given:
        contig, _, number = item.rpartition("=")
        if not contig or not number.isdecimal():
            raise click.BadParameter(f"{item!r} is not CONTIG=NUMBER, such as MT=2.", ctx=context, param=parameter)
        codes[contig] = int(number)
    return codes


@packs_group.command()
@click.argument("name")
@click.option("--fasta", required=True, type=_FILE, help="The sequence, plain, gzip or bgzip.")
@click.option("--gff3", required=True, type=_FILE, help="Gene models in Ensembl's manner, plain or gzip.")
@click.option("--assembly", required=True, help="The assembly's name, such as GRCm39.")
@click.option("--title", default="", help="What people read. [default: the assembly's name]")
@click.option("--vcf", "vcfs", multiple=True, type=_FILE, help="Known sites: rs numbers from ID, frequencies from AF.")
@click.option("--clinvar", type=_FILE, help="ClinVar's VCF.")
@click.option("--genetic-code", "genetic_codes", multiple=True, callback=_genetic_codes, help="CONTIG=NUMBER (NCBI's).")
@click.option("--aliases", "report", type=_FILE, help="NCBI's assembly report: other names of the contigs.")
@click.option("--version", default="", help="The data's version. [default: made of the contents]")
@click.option("--licence", default="not stated", help="Under which the files may be used.")
@click.option("--skip-missing-contigs", is_flag=True, help="Leave out gene models on contigs that the FASTA lacks.")
@_command
def build(shelf: Shelf, *, as_json: bool, **given: Any) -> dict[str, Any]:
    """Build a pack from your own files and install it."""
    before = {entry.folder for entry in shelf.entries()}
    with Shown(quiet=as_json) as shown:
        release = build_pack(OwnFiles(**given), shelf, shown.tell)
    pack, already = packs.load(release), release in before
    if not as_json:
        click.echo(f"{pack.name} {pack.version} is installed{' already' if already else f' in {shelf.folder}'}.")
    return {"name": pack.name, "version": pack.version, "folder": str(release), "already_installed": already}


@packs_group.command()
@click.argument("name")
@_command
def verify(shelf: Shelf, *, name: str, as_json: bool) -> dict[str, Any]:
    """Check every byte of a pack against its checksums."""
    entry = shelf.entry(name)
    with Shown(quiet=as_json) as shown:
        shown.begin(f"Verifying {name}", entry.pack.size if entry.pack else None)
        pack = packs.verify(entry.folder, shown.advance)
        shown.end()
    if not as_json:
        click.echo(f"{name} {pack.version} is sound: {len(pack.manifest['files'])} files, {_size(pack.size)}.")
    return {"name": name, "version": pack.version, "sound": True, "files": len(pack.manifest["files"])}


@packs_group.command()
@click.argument("name")
@_command
def remove(shelf: Shelf, *, name: str, as_json: bool) -> dict[str, Any]:
    """Remove an installed pack. Jobs that use it end first."""
    gone = shelf.remove(name)
    if not as_json:
        later = "" if gone else " A job still reads it: its files go with the next `gas packs` that changes something."
        click.echo(f"{name} is removed.{later}")
    return {"name": name, "removed": True, "files_gone": gone}


def _row(entry: Entry) -> tuple[str, ...]:
    installed = "comes with GAS" if entry.installed is None else f"{entry.installed:%Y-%m-%d %H:%M} UTC"
    if entry.pack is None:
        return (entry.name, "damaged", "", "", "", installed)
    pack = entry.pack
    return (entry.name, pack.title, pack.assembly, pack.version, _size(pack.size), installed)


def _as_json(entry: Entry) -> dict[str, Any]:
    known = (
        {}
        if entry.pack is None
        else {
            "title": entry.pack.title,
            "assembly": entry.pack.assembly,
            "version": entry.pack.version,
            "bytes": entry.pack.size,
        }
    )
    return {
        "name": entry.name,
        **known,
        "folder": str(entry.folder),
        "built_in": entry.built_in,
        "installed": entry.installed.isoformat() if entry.installed else None,
        "problem": entry.problem,
    }


def _show(entry: Entry, pack: packs.Pack) -> None:
    console = Console()
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    facts.add_row("Pack", f"{pack.name}: {pack.title}")
    facts.add_row("Assembly", pack.assembly)
    facts.add_row("Version", pack.version)
    facts.add_row("Size", _size(pack.size))
    facts.add_row("Folder", str(entry.folder))
    facts.add_row("Frequencies", pack.af_source or "none")
    console.print(facts)
    sources = Table("Source", "Version", "From", "Licence", box=None, pad_edge=False)
    for source in pack.sources:
        sources.add_row(source["name"], source["version"], source["from"], source["licence"])
    console.print()
    console.print(sources)
    contigs = Table(
        "Contig", "Bases", "Genetic code", "Genes", "Known variants", "Also called", box=None, pad_edge=False
    )
    for contig in sorted(pack.contigs, key=lambda contig: -contig.length)[:_MOST_CONTIGS]:
        contigs.add_row(
            contig.name,
            f"{contig.length:,}",
            str(contig.genetic_code),
            "yes" if contig.genes else "none",
            "yes" if contig.known else "none",
            ", ".join(contig.aliases),
        )
    console.print()
    console.print(contigs)
    if len(pack.contigs) > _MOST_CONTIGS:
        console.print(f"… and {len(pack.contigs) - _MOST_CONTIGS:,} shorter ones")


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    raise AssertionError
