"""Lines out of an untrusted file, in blocks: what kind of file it is, unpacked, within bounds.

Never more than one chunk and one line is in memory, whatever the file claims to be.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from annotator_hook.pipeline.outcome import InputRejected

CHUNK: Final = 1 << 20
MOST_LINE_BYTES: Final = 8 << 20
"""A longer line is cut and marked."""
_KEPT: Final = 1000
"""Bytes of such a line that are kept, to name it by."""
BOMB_FLOOR: Final = 64 << 20
"""Unpacked bytes below which the ratio is not looked at."""
BOMB_RATIO: Final = 600
"""Unpacked to packed. Genotypes alone of 10,000 samples that hardly differ reach 500; a block of bgzip that says nothing
but ``0|0`` has 594; gzip's utmost is 1,032."""

_BGZIP_END: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a bgzip file (SAM specification, 4.1.2)."""
_UNPACK: Final = "Unpack it and upload the VCF, plain or packed with gzip or bgzip."
_CONVERT: Final = "Upload the VCF, plain or packed with gzip or bgzip."
_MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"PK\x03\x04", "a ZIP archive (or an Excel or Word document)", _UNPACK),
    (b"BZh", "packed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x1f\x8b", "packed with gzip twice", "Unpack it once and upload it again."),
    (b"BAM\x01", "a BAM: aligned reads, not variants", "Call variants first, for instance with bcftools or GATK."),
    (b"CRAM", "a CRAM: aligned reads, not variants", "Call variants first, for instance with bcftools or GATK."),
    (b"BCF", "a BCF, the binary form of VCF", "Convert it: bcftools view -Oz -o variants.vcf.gz variants.bcf"),
    (b"TBI\x01", "a tabix index, not the VCF that it belongs to", _CONVERT),
    (b"CSI\x01", "an index, not the VCF that it belongs to", _CONVERT),
    (b"%PDF", "a PDF", _CONVERT),
    (b"\x89PNG", "a picture", _CONVERT),
    (b"\xff\xd8\xff", "a picture", _CONVERT),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document", _CONVERT),
    (b"SQLite format 3", "a database", _CONVERT),
    (b"@HD\t", "a SAM: aligned reads, not variants", "Call variants first, for instance with bcftools or GATK."),
    (b">", "a FASTA: a sequence, not variants", "Call variants first, against the reference genome."),
    (b"@", "a FASTQ: reads, not variants", "Align the reads and call variants first."),
)


class Line(NamedTuple):
    """One line, without its end."""

    number: int
    """Counted from 1."""
    text: str
    """Bytes that are not UTF-8 are kept as surrogate escapes."""
    cut: bool
    """Only the beginning of a line longer than `MOST_LINE_BYTES`."""


class Block(NamedTuple):
    """Whole lines that stand together."""

    number: int
    """Of the first line, counted from 1."""
    data: bytes
    """With line ends, but perhaps for the last one."""
    cut: bool = False
    """``data`` is the beginning of one line longer than `MOST_LINE_BYTES`."""


class Source:
    """A file to read lines from: first some of them one by one, then the others in blocks."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        """``most_bytes``: the largest unpacked size."""
        self._path = path
        self._most_bytes = most_bytes
        self._lines_read = 0
        self._blocks = self._read()
        self._place: tuple[Block, int, int] | None = None
        """How far `lines` came: the block, an offset in it, and the number of the line there."""
        self.warnings: list[str] = []

    def lines(self) -> Iterator[Line]:
        """Every line in turn. Raises `InputRejected` where the file is not text or breaks a bound."""
        for block in self._blocks:
            at, number = 0, block.number
            while at < len(block.data):
                end = block.data.find(b"\n", at)
                raw = block.data[at:] if end < 0 else block.data[at:end]
                at = len(block.data) if end < 0 else end + 1
                self._place = (block, at, number + 1)
                yield as_line(number, raw, cut=block.cut)
                number += 1

    def blocks(self) -> Iterator[Block]:
        """The lines that `lines` has not given out. Raises as `lines` does, after the lines before."""
        if self._place:
            block, at, number = self._place
            if at < len(block.data):
                yield Block(number, block.data[at:])
        yield from self._blocks

    def _read(self) -> Iterator[Block]:
        with self._path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if not head:
                raise InputRejected("empty", "The file is empty.", "Look whether its export or upload was complete.")
            packed = head[:2] == b"\x1f\x8b"
            yield from self._split(self._unpack(file) if packed else self._plain(file))

    def _plain(self, file: BinaryIO) -> Iterator[bytes]:
        total = 0
        while chunk := file.read(CHUNK):
            total += len(chunk)
            self._check_size(total, total)
            yield chunk

    def _unpack(self, file: BinaryIO) -> Iterator[bytes]:
        """The members of a gzip file (a bgzip file has many), in pieces of at most `CHUNK`."""
        unpacker = zlib.decompressobj(wbits=31)
        packed = unpacked = 0
        data = tail = b""
        fresh = True
        bgzip = file.read(14)[12:] == b"BC"
        file.seek(0)
        while True:
            if not data:
                data = file.read(CHUNK)
                packed += len(data)
                tail = (tail + data[-28:])[-28:]
                if not data:
                    break
            if unpacker.eof:
                data = data.lstrip(b"\x00")  # padding after a member is allowed
                if not data:
                    continue
                unpacker, fresh = zlib.decompressobj(wbits=31), True
            try:
                piece = unpacker.decompress(data, CHUNK)
            except zlib.error:
                raise InputRejected(
                    "damaged-gzip",
                    f"The gzip file is damaged{self._after()}.",
                    "Pack it anew, test it with gzip -t, and upload it again.",
                ) from None
            fresh = False
            unpacked += len(piece)
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            self._check_size(unpacked, packed - len(data))
            if piece:
                yield piece
        if bgzip and tail != _BGZIP_END:
            self.warnings.append("The bgzip file has no end marker: it may be truncated.")
        if not unpacker.eof and not fresh:
            raise InputRejected(
                "truncated-gzip",
                f"The gzip file ends too early{self._after()}.",
                "The copy or the upload was not complete: test the file with gzip -t and upload it again.",
            )

    def _after(self) -> str:
        return f", after line {self._lines_read:,}" if self._lines_read else ""

    def _check_size(self, unpacked: int, packed: int) -> None:
        if unpacked > self._most_bytes:
            raise InputRejected(
                "too-large",
                f"Unpacked, the file is larger than {self._most_bytes / 2**30:.3g} GiB, which is the limit.",
                "Split it, for instance by chromosome, and upload the parts.",
            )
        if unpacked > BOMB_FLOOR and unpacked > packed * BOMB_RATIO:
            raise InputRejected(
                "gzip-bomb",
                f"The file unpacks to more than {BOMB_RATIO} times its size, which no VCF packed with bgzip does.",
                "Pack it with bgzip, or upload the plain VCF.",
            )

    def _split(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        number = 1
        held: list[bytes] = []
        failure: InputRejected | None = None
        first, cut, ended = True, False, False
        while not ended:
            try:
                chunk = self._next(chunks, first=first)
            except InputRejected as error:
                failure, chunk = error, b""
            first = False
            ended = not chunk
            if cut:  # what belongs to a line that is too long is not kept
                end = chunk.find(b"\n")
                if end < 0 and not ended:
                    continue
                yield Block(number, held.pop(), cut=True)
                number, chunk, cut = number + 1, chunk[end + 1 :], False
            held.append(chunk)
            if not ended and sum(map(len, held)) < CHUNK:
                continue
            data = b"".join(held)
            end = len(data) if ended and failure is None else data.rfind(b"\n") + 1
            data, rest = data[:end], data[end:]
            if len(data) > MOST_LINE_BYTES and (end := data.find(b"\n") % (len(data) + 1)) > MOST_LINE_BYTES:
                yield Block(number, data[:_KEPT], cut=True)
                number, data = number + 1, data[end + 1 :]
            if data:
                yield Block(number, data)
                number += data.count(b"\n")
            cut = len(rest) > MOST_LINE_BYTES
            held = [rest[:_KEPT] if cut else rest]
        if failure is not None:
            raise failure

    def _next(self, chunks: Iterator[bytes], *, first: bool) -> bytes:
        """The next chunk, empty at the end; lines are counted for the words of a refusal."""
        chunk = next(chunks, b"")
        if first:
            if not chunk:
                raise InputRejected("empty", "Unpacked, the file is empty.", "Look whether its export was complete.")
            chunk = self._check_head(chunk) or next(chunks, b"")
        if b"\x00" in chunk:
            line = self._lines_read + chunk[: chunk.index(b"\x00")].count(b"\n") + 1
            raise InputRejected("binary", "The file has binary data in it, so it is not a VCF.", _CONVERT, line)
        self._lines_read += chunk.count(b"\n")
        return chunk

    def _check_head(self, chunk: bytes) -> bytes:
        if chunk.startswith(b"\xef\xbb\xbf"):
            chunk = chunk[3:]
        for magic, what, hint in _MAGIC:
            if chunk.startswith(magic):
                raise InputRejected("not-vcf", f"This is not a VCF: it is {what}.", hint)
        if chunk[:2] in (b"\xff\xfe", b"\xfe\xff") or chunk[:4] in (b"#\x00#\x00", b"\x00#\x00#"):
            raise InputRejected(
                "utf-16",
                "The file is text in UTF-16, but a VCF must be in UTF-8.",
                "Save it as UTF-8 (in Notepad: Save as, encoding UTF-8) and upload it again.",
            )
        if chunk[257:262] == b"ustar":
            raise InputRejected("not-vcf", "This is not a VCF: it is a tar archive.", _UNPACK)
        start = chunk[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
            raise InputRejected(
                "not-vcf",
                "This is not a VCF: it is a web page or XML.",
                "Look whether the download of the file asked for a log-in instead.",
            )
        if b"\r" in chunk and b"\n" not in chunk and len(chunk) < CHUNK:
            raise InputRejected(
                "line-ends",
                "The lines of the file end as on very old Macs (CR alone).",
                "Save it with line ends of Unix (LF) or Windows (CRLF).",
            )
        return chunk


def as_line(number: int, raw: bytes, *, cut: bool) -> Line:
    """A line from its bytes without ``\\n``."""
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    return Line(number, raw.decode("utf-8", "surrogateescape"), cut=cut)
