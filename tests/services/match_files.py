"""Writing and reading one small match file, for the tests of reading them."""

from pathlib import Path

import pytest

from app.errors import FileNotUnderstood
from app.services.files import MatchFile, read_match_file


def read(tmp_path: Path, content: str | bytes, **options) -> MatchFile:
    path = tmp_path / "matches"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_match_file(path, **options)


def matches(file: MatchFile) -> list[tuple[str, str, float]]:
    return list(zip(file.columns.first, file.columns.second, file.columns.score, strict=True))


def refused(tmp_path: Path, content: str | bytes, **options) -> str:
    with pytest.raises(FileNotUnderstood) as caught:
        read(tmp_path, content, **options)
    assert caught.value.faults, "an error without a remedy"
    assert all(fault.detail for fault in caught.value.faults)
    return caught.value.detail
