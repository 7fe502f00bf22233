"""One bucket, on the fake and on S3."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shared.aws.objects import MIB
from shared.core.errors import NotFound
from shared.core.ports import Objects


def test_what_was_written_is_read_with_its_size_and_bounded(objects: Objects) -> None:
    objects.write("alice/1/input.vcf", b"##fileformat", content_type="text/plain")
    assert objects.size("alice/1/input.vcf") == 12
    assert objects.read("alice/1/input.vcf", limit=100) == b"##fileformat"
    assert objects.read("alice/1/input.vcf", limit=2) == b"##"
    assert objects.read("alice/1/input.vcf", limit=0) == b""


def test_an_empty_object_is_read_as_nothing(objects: Objects) -> None:
    objects.write("alice/empty", b"", content_type="text/plain")
    assert objects.read("alice/empty", limit=10) == b""
    assert objects.size("alice/empty") == 0


def test_what_is_not_there_is_not_found(objects: Objects, tmp_path: Path) -> None:
    assert objects.size("nothing") is None
    with pytest.raises(NotFound):
        objects.read("nothing", limit=10)
    with pytest.raises(NotFound):
        objects.download("nothing", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 5, 17 * MIB])
def test_a_file_goes_there_and_back_also_in_parts(objects: Objects, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    assert objects.upload(source, "alice/1/file", content_type="application/gzip") == size
    objects.download("alice/1/file", target)
    assert target.read_bytes() == source.read_bytes()


def test_deleting_under_a_prefix_spares_what_only_looks_alike(objects: Objects) -> None:
    for key in ("alice/1/a", "alice/1/b/c", "alice/10/a", "bob/1/a"):
        objects.write(key, b"x", content_type="text/plain")
    objects.delete_under("alice/1/")
    objects.delete_under("alice/1/")
    found = {key for key in ("alice/1/a", "alice/1/b/c", "alice/10/a", "bob/1/a") if objects.size(key) is not None}
    assert found == {"alice/10/a", "bob/1/a"}


def test_more_than_one_page_of_objects_is_deleted(objects: Objects) -> None:
    keys = [f"alice/1/{number}" for number in range(1001)]
    for key in keys:
        objects.write(key, b"", content_type="text/plain")
    objects.delete_under("alice/1/")
    assert [key for key in (keys[0], keys[-1], keys[500]) if objects.size(key) is not None] == []


def test_a_prefix_without_its_slash_is_refused(objects: Objects) -> None:
    for prefix in ("alice/1", ""):
        with pytest.raises(ValueError, match="slash"):
            objects.delete_under(prefix)


def test_a_form_names_its_key(objects: Objects) -> None:
    form = objects.upload_form("alice/1/input.vcf", max_bytes=10, expires=timedelta(minutes=5))
    assert form.url.startswith("https://")
    assert form.fields["key"] == "alice/1/input.vcf"


def test_a_link_names_its_object(objects: Objects) -> None:
    url = objects.download_url("alice/1/a.vcf.gz", filename='naïve "x".vcf.gz', expires=timedelta(minutes=5))
    assert url.startswith("https://")
    assert "alice/1/a.vcf.gz" in url
    assert '"' not in url
