"""`bcftools csq`: what alleles do to proteins.

Alleles are handed over one a record and without genotypes (``-l``, ``-s -``): each is judged alone. For mitochondria
that is the honest choice, since heteroplasmic variants need not lie on one molecule.

`csq` keeps state between calls in one process, and a crash in it must cost one job: each run is a fork of its own.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pysam
import pysam.bcftools

from annotator_hook.pipeline.pack import Contig, Pack
from annotator_hook.pipeline.variant import Variant
from shared.core.errors import Permanent

_PR_SET_PDEATHSIG: Final = 1
_AMINO_ACIDS: Final = re.compile(r"(\d+)([A-Z*?]*)(?:>\d+([A-Z*?]*))?")


class Call(NamedTuple):
    """What `csq` says of one allele in one transcript."""

    transcript_id: str
    terms: frozenset[str]
    """`csq`'s own names, such as ``missense``."""
    residue: int | None
    """The first of the amino acids, counted from 1; None where `csq` gives none."""
    ref_amino_acids: str
    alt_amino_acids: str


@dataclass(frozen=True)
class Called:
    """One allele's line."""

    variant: tuple[str, int, str, str]
    bcsq: str
    """The value of INFO/BCSQ as it came; empty where there is none."""
    calls: Mapping[str, Call]
    """Transcript → call; the coding ones alone carry a transcript."""


def parse(bcsq: str) -> dict[str, Call]:
    """INFO/BCSQ: ``consequence|gene|transcript|biotype|strand|amino acids|dna``, comma separated."""
    calls: dict[str, Call] = {}
    for entry in bcsq.split(",") if bcsq else ():
        parts = entry.split("|")
        if len(parts) < 4 or not parts[2]:
            continue
        match = _AMINO_ACIDS.fullmatch(parts[5]) if len(parts) > 5 else None
        residue, ref, alt = (int(match[1]), match[2], match[3]) if match else (None, "", "")
        calls[parts[2]] = Call(
            parts[2], frozenset(parts[0].lstrip("*").split("&")), residue, ref, ref if alt is None else alt
        )
    return calls


class Engine:
    """Runs `csq` on sites in the order of the genome, once for each genetic code."""

    def __init__(self, pack: Pack, folder: Path) -> None:
        self._pack = pack
        self._folder = folder
        self._coded = {contig.name: contig for contig in pack.contigs if pack.genes.has(contig.name)}
        self._codes = sorted({contig.genetic_code for contig in self._coded.values()})

    def prepare(self, sites: Iterable[Variant]) -> None:
        """Writes down what `run` will be asked."""
        header = "##fileformat=VCFv4.2\n" + "".join(
            f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in self._pack.contigs
        )
        header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        files = {code: self._sites(code).open("w", encoding="ascii") for code in self._codes}
        try:
            for file in files.values():
                file.write(header)
            for contig, pos, ref, alt in sites:
                if contig in self._coded:
                    file = files[self._coded[contig].genetic_code]
                    file.write(f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n")
        finally:
            for file in files.values():
                file.close()

    def run(self) -> None:
        """Raises `Permanent` when the engine fails (its input was made here and is sound), `MemoryError` or `OSError`
        when it reaches a limit of the job."""
        for code in self._codes:
            self._fork(code)

    def called(self) -> Mapping[str, Iterator[Called]]:
        """Contig → what `csq` said, in the order of the sites; contigs of one genetic code share an iterator."""
        by_code = {code: self._read(code) for code in self._codes}
        return {name: by_code[contig.genetic_code] for name, contig in self._coded.items()}

    def arguments(self, contig: Contig) -> str:
        """The command for the header of the result, without paths."""
        return f"bcftools csq -f {self._pack.fasta.name} -g {self._pack.gff3.name} -C {contig.genetic_code} -l -s -"

    def _sites(self, code: int) -> Path:
        return self._folder / f"sites-{code}.vcf"

    def _output(self, code: int) -> Path:
        return self._folder / f"csq-{code}.vcf"

    def _fork(self, code: int) -> None:
        errors = self._folder / f"csq-{code}.err"
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._in_fork(code, errors, parent)
        _, status = os.waitpid(pid, 0)
        if status:
            ended = os.waitstatus_to_exitcode(status)
            how = f"signal {signal.Signals(-ended).name}" if ended < 0 else f"exit code {ended}"
            words = errors.read_text(errors="replace").strip()[-800:] if errors.exists() else ""
            if "cannot write" in words:  # it does not say why
                most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
                full = most != resource.RLIM_INFINITY and self._output(code).stat().st_size >= most
                raise OSError(errno.EFBIG if full else errno.ENOSPC, words)
            if os.strerror(errno.ENOMEM) in words:
                raise MemoryError(words)
            raise Permanent(f"bcftools csq ended with {how}: {words}")

    def _in_fork(self, code: int, errors: Path, parent: int) -> None:
        """Never returns."""
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(descriptor, 2)
            command = ["-f", str(self._pack.fasta), "-g", str(self._pack.gff3), "-C", str(code), "-l", "-s", "-"]
            command += ["-O", "v", "-o", str(self._output(code)), str(self._sites(code))]
            pysam.bcftools.csq(*command, catch_stdout=False)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the fork must not go on as a second child
            os.write(2, str(error).encode("utf-8", "replace"))
            os._exit(1)

    def _read(self, code: int) -> Iterator[Called]:
        with self._output(code).open(encoding="ascii") as file:
            for line in file:
                if line.startswith("#"):
                    continue
                contig, pos, _, ref, alt, _, _, info = line.rstrip("\n").split("\t")
                bcsq = info[5:] if info.startswith("BCSQ=") else ""
                yield Called((contig, int(pos), ref, alt), bcsq, parse(bcsq))
