"""What a recorded match is answered as, from the columns of a batch or from a stored row."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.ratings.matches import OUTCOMES, MatchColumns
from app.services.ledger import time_text
from app.services.shapes import MatchShape, ReceiptShape
from app.storage.tables import Stored


def match_fields(matches: MatchColumns, index: int) -> MatchShape:
    """The match at one place of the columns, as sent."""
    played_at = matches.played_at[index]
    return {
        "match_id": str(matches.match_id[index]),
        "first": matches.first[index],
        "second": matches.second[index],
        "outcome": OUTCOMES[matches.score[index]],
        "played_at": None if played_at is None else time_text(played_at),
        "weight": matches.weight[index],
        "neutral": matches.neutral[index],
        "first_score": matches.first_score[index],
        "second_score": matches.second_score[index],
        "context": read_context(matches.context[index]),
    }


def stored_fields(row: Stored, match_id: str, competitors: Mapping[int, Any]) -> MatchShape:
    """The match that an entry tells of; `competitors` holds the rows of both its sides by number."""
    return {
        "match_id": match_id,
        "first": competitors[row.first].key,
        "second": competitors[row.second].key,
        "outcome": OUTCOMES[row.score],
        "played_at": None if row.played_at is None else time_text(row.played_at),
        "weight": row.weight,
        "neutral": row.neutral,
        "first_score": row.first_score,
        "second_score": row.second_score,
        "context": read_context(row.context),
    }


@lru_cache(maxsize=1024)
def _parsed(context: str) -> dict[str, Any]:
    return dict(json.loads(context))


def read_context(context: str | None) -> dict[str, Any]:
    """The context as a mapping; empty for none."""
    return {} if context is None else dict(_parsed(context))


def receipt_of(row: Stored, competitors: Mapping[int, Any], *, voided: bool) -> ReceiptShape:
    """The receipt of a stored match; `competitors` holds the rows of both its sides by number."""
    first, second = competitors[row.first], competitors[row.second]
    return {
        **stored_fields(row, row.match_id, competitors),
        "position": row.position,
        "recorded_at": time_text(row.recorded_at),
        "status": "voided" if voided else "counted",
        "ratings": {
            "first": {"before": row.first_before, "expected": row.expected, "k": row.first_k, "after": row.first_after},
            "second": {"before": row.second_before, "expected": 1.0 - row.expected, "k": row.second_k, "after": row.second_after},
        },
        "created": [side.key for side in (first, second) if side.created_position == row.position],
        "author": row.author,
    }
