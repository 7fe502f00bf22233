"""`bcftools csq`: its own words for what alleles do to proteins, INFO/BCSQ.

It gets sites that were written here: one allele a record, checked, normalised, sorted, near genes. Each allele is
judged alone (``-l``); what stands on one haplotype is read together by `haplotypes`.

`csq` keeps state between calls in one process, and a crash in it must cost one job: each run is a fork of its own.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pysam
import pysam.bcftools

from annotator_hook.consequence.arrays import Bools, digits
from annotator_hook.packs.format import Pack, PackContig
from annotator_hook.pipeline import columns
from annotator_hook.pipeline.genome import Genome, near_genes
from annotator_hook.pipeline.spool import Part, Reader
from annotator_hook.pipeline.workers import die_with
from shared.core.errors import Permanent

PARTS: Final = 4
"""Parts of the genome that one run is for: it reads the contig's gene models each time."""
_ROWS: Final = 1 << 16
_MOST_BYTES: Final = (1 << 31) - 1
"""That an Arrow array of text can have."""
_STANDARD_CODE: Final = 0
"""What `csq` calls NCBI's table 1."""
_COLUMNS: Final = ("pos", "ref", "alt")


def runs(parts: Sequence[Part], genome: Genome) -> list[list[Part]]:
    """Parts that one run is for: of one contig, one that has genes."""
    grouped: list[list[Part]] = []
    for part in parts:
        if genome.pack.csq_gff(part.contig) is None:
            continue
        if grouped and grouped[-1][0].contig == part.contig and len(grouped[-1]) < PARTS:
            grouped[-1].append(part)
        else:
            grouped.append([part])
    return grouped


def arguments(pack: Pack, contig: PackContig) -> str:
    """The command for the header of the result, without paths."""
    return f"bcftools csq -f {pack.fasta.name} -g {contig.genes} -C {_code(contig)} -l -s -"


def _code(contig: PackContig) -> int:
    return _STANDARD_CODE if contig.genetic_code == 1 else contig.genetic_code


class Csq:
    """Runs it, and hands out what it said."""

    def __init__(self, genome: Genome, folder: Path) -> None:
        self._genome = genome
        self._folder = folder

    def run(self, parts: Sequence[Part]) -> int:
        """Asks about the alleles of some parts of one contig; answers how many alleles the parts have.

        Raises `Permanent` when the engine fails (its input was made here and is sound), `MemoryError` or `OSError`
        when it reaches a limit of the job.
        """
        asked: list[int] = []
        rows = 0
        sites, answers = self._file(parts[0], "sites"), self._file(parts[0], "csq")
        contig = self._genome.pack.by_name[parts[0].contig]
        with sites.open("wb") as file:
            file.write(b"##fileformat=VCFv4.2\n##contig=<ID=%b>\n" % contig.name.encode())
            file.write(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
            for part in parts:
                count = 0
                for table in (reader := Reader(part)).tables(_ROWS, _COLUMNS):
                    lines = self._sites(contig.name, table)
                    file.write(columns.whole(lines))
                    count += len(lines)
                asked.append(count)
                rows += reader.rows
        if sum(asked):
            self._fork(contig, sites, answers)
            self._read(parts, asked, sites, answers)
        sites.unlink()
        answers.unlink(missing_ok=True)
        return rows

    def near(self, part: Part, pos: Any, ref: Any) -> Bools:
        """Which alleles were asked about."""
        first = pos.to_numpy().astype(np.int64)
        return near_genes(self._genome.open(part.contig), first, first + columns.lengths(ref))

    def of(self, part: Part) -> Any:
        """BCSQ of the part's alleles `near` genes, in their order, empty for none; None where there are no such."""
        path = self._file(part, "bcsq")
        if not path.exists():
            return None
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).get_batch(0).column(0)

    def _file(self, part: Part, what: str) -> Path:
        return self._folder / f"{what}.{part.number}"

    def _sites(self, contig: str, table: Any) -> Any:
        pos, ref, alt = (table.column(name).chunk(0) for name in _COLUMNS)
        model = self._genome.open(contig)
        first = pos.to_numpy().astype(np.int64)
        rows = pa.array(np.flatnonzero(near_genes(model, first, first + columns.lengths(ref))))
        places = digits(pos.take(rows).to_numpy())
        return columns.join(f"{contig}\t", places, "\t.\t", ref.take(rows), "\t", alt.take(rows), "\t.\t.\t.\n")

    def _fork(self, contig: PackContig, sites: Path, answers: Path) -> None:
        errors = answers.with_suffix(answers.suffix + ".err")
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._in_fork(contig, sites, answers, errors, parent)
        _, status = os.waitpid(pid, 0)
        if status:
            ended = os.waitstatus_to_exitcode(status)
            how = f"signal {signal.Signals(-ended).name}" if ended < 0 else f"exit code {ended}"
            words = errors.read_text(errors="replace").strip()[-800:] if errors.exists() else ""
            if "cannot write" in words:  # it does not say why
                most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
                full = most != resource.RLIM_INFINITY and answers.stat().st_size >= most
                raise OSError(errno.EFBIG if full else errno.ENOSPC, words)
            if os.strerror(errno.ENOMEM) in words:
                raise MemoryError(words)
            raise Permanent(f"bcftools csq ended with {how}: {words}")

    def _in_fork(self, contig: PackContig, sites: Path, answers: Path, errors: Path, parent: int) -> None:
        """Never returns."""
        try:
            die_with(parent)
            descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(descriptor, 2)
            genes = self._genome.pack.csq_gff(contig.name)
            command = ["-f", str(self._genome.pack.fasta), "-g", str(genes), "-C", str(_code(contig)), "-l", "-s", "-"]
            command += ["-O", "v", "-o", str(answers), str(sites)]
            pysam.bcftools.csq(*command, catch_stdout=False)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the fork must not go on as a second child
            os.write(2, str(error).encode("utf-8", "replace"))
            os._exit(1)

    def _read(self, parts: Sequence[Part], asked: Sequence[int], sites: Path, answers: Path) -> None:
        """Writes down what was said of each part, after a look at whether the answers fit the questions."""
        questions, _ = _records(sites)
        replies, said = _records(answers)
        if not questions.equals(replies):
            raise Permanent("bcftools csq answered about other alleles than it was asked about.")
        start = 0
        for part, count in zip(parts, asked, strict=True):
            if count:
                path = self._file(part, "bcsq")
                batch = pa.record_batch([pa.concat_arrays([said.slice(start, count)])], names=["bcsq"])
                with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
                    writer.write_batch(batch)
            start += count


def _records(path: Path) -> tuple[Any, Any]:
    """Of each record the columns up to FILTER, and BCSQ."""
    if path.stat().st_size > _MOST_BYTES:
        raise MemoryError(f"The alleles of some neighbouring genes are more than {_MOST_BYTES} bytes of text.")
    data = np.fromfile(path, dtype=np.uint8)
    ends = columns.find(data, columns.LINE_END)
    starts = np.append(0, ends[:-1] + 1)
    records = data[starts] != ord("#")
    starts, ends = starts[records], ends[records]
    tabs = columns.find(data, columns.TAB)
    info = tabs[np.searchsorted(tabs, starts) + 6] + 1
    said = data[info] == ord("B")  # INFO is BCSQ=… or a dot
    return columns.cut(data, starts, info), columns.cut(data, np.where(said, info + len("BCSQ="), ends), ends)
