"""Reads the real matches and published figures that lie beside the repository. Where they are absent, the test that asks is skipped."""

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

SCORES = {"a": 1.0, "draw": 0.5, "b": 0.0}


@dataclass
class Table:
    """One file of matches: competitors numbered in code point order, and every other column as text."""

    names: list[str]
    first: np.ndarray
    second: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    side: np.ndarray
    columns: dict[str, list[str]]


def _existing(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    return path


def rows(name: str) -> list[dict[str, str]]:
    path = _existing(SHARED / "data" / name)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(content.decode("utf-8").splitlines()))


def matches(name: str) -> Table:
    read = rows(name)
    columns = {field: [row[field] for row in read] for field in read[0]}
    names = sorted({*columns["player_a"], *columns["player_b"]})
    number = {key: index for index, key in enumerate(names)}
    return Table(
        names,
        np.array([number[key] for key in columns["player_a"]]),
        np.array([number[key] for key in columns["player_b"]]),
        np.array([SCORES[outcome] for outcome in columns["outcome"]]),
        np.array([float(weight) for weight in columns.get("weight", ["1"] * len(read))]),
        np.array([float(home) for home in columns.get("home", ["0"] * len(read))]),
        columns,
    )


def published(name: str) -> dict[str, Any]:
    return json.loads(_existing(SHARED / "published" / name).read_text(encoding="utf-8"))
