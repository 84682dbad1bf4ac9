"""Examples of amendments and of entries about competitors, as the documentation shows them. See `examples`."""

from app.api.examples import RECEIPT
from app.api.schemas import (
    AmendmentRequest,
    CompetitorChange,
    CorrectionRequest,
    ForgetRequest,
    MergeRequest,
    NewCompetitor,
)
from app.services.amendment_shapes import AmendmentShape, ExplainedShape, MatchDetailShape, PreviewShape, RosterShape
from app.services.shapes import MatchShape

VOID_REQUEST: AmendmentRequest = {"reason": "Recorded for the wrong court.", "expected_position": 1}
VOID: AmendmentShape = {
    "kind": "void",
    "target": 1,
    "match_id": "2026-11-20-17",
    "dry_run": False,
    "expected_position": 1,
    "position": 2,
    "recorded_at": "2026-11-20T19:02:00Z",
    "reason": "Recorded for the wrong court.",
    "author": "organiser",
    "moved_count": 1,
    "moved": [{"competitor": "Alice", "before": 1512.0, "after": None, "rank_before": 1, "rank_after": None}],
}
RESTORE_REQUEST: AmendmentRequest = {"reason": "It was the right court after all."}
RESTORE: AmendmentShape = {
    **VOID,
    "target": 2,
    "expected_position": 2,
    "position": 3,
    "reason": "It was the right court after all.",
    "moved": [{"competitor": "Alice", "before": None, "after": 1512.0, "rank_before": None, "rank_after": 1}],
}
CORRECTION_REQUEST: CorrectionRequest = {"outcome": "second", "reason": "Bob won; the sheet was misread.", "expected_position": 1}
CORRECTION: AmendmentShape = {
    **VOID,
    "kind": "correct",
    "reason": "Bob won; the sheet was misread.",
    "moved_count": 2,
    "moved": [
        {"competitor": "Alice", "before": 1512.0, "after": 1488.0, "rank_before": 1, "rank_after": 2},
        {"competitor": "Bob", "before": 1488.0, "after": 1512.0, "rank_before": 2, "rank_after": 1},
    ],
}
CORRECTED: MatchShape = {
    "match_id": "2026-11-20-17",
    "first": "Alice",
    "second": "Bob",
    "outcome": "second",
    "played_at": "2026-11-20T18:00:00Z",
    "weight": 1.0,
    "neutral": False,
    "first_score": 11.0,
    "second_score": 7.0,
    "context": {"surface": "clay"},
}
AMENDED_MATCH: MatchDetailShape = {
    **RECEIPT,
    "corrected": CORRECTED,
    "amendments": [
        {
            "position": 2,
            "kind": "correct",
            "undoes": None,
            "counts": True,
            "reason": "Bob won; the sheet was misread.",
            "recorded_at": "2026-11-20T19:02:00Z",
            "author": "organiser",
            "match": CORRECTED,
        }
    ],
}
PREVIEW: PreviewShape = {
    "dry_run": True,
    "expected_position": 0,
    "moved": [
        {"competitor": "Alice", "before": None, "after": 1512.0, "rank_before": None, "rank_after": 1},
        {"competitor": "Bob", "before": None, "after": 1488.0, "rank_before": None, "rank_after": 2},
    ],
    "moved_count": 2,
}
COMPETITOR_CHANGE: CompetitorChange = {"name": "Alice Ashe", "retired": False}
NEW_COMPETITOR: NewCompetitor = {"competitor": "Erin", "name": "Erin Evans"}
REGISTERED: RosterShape = {"competitor": "Erin", "name": "Erin Evans", "retired": False, "position": 4}
ROSTER: RosterShape = {"competitor": "Alice", "name": "Alice Ashe", "retired": False, "position": 4}
MERGE_REQUEST: MergeRequest = {"into": "Bob", "reason": "One person under two names."}
MERGE: AmendmentShape = {
    **VOID,
    "kind": "merge",
    "target": None,
    "match_id": None,
    "reason": "One person under two names.",
    "moved": [{"competitor": "Robert", "before": 1507.2, "after": None, "rank_before": 3, "rank_after": None}],
}
FORGET_REQUEST: ForgetRequest = {"confirm": "Alice"}
FORGOTTEN: RosterShape = {"competitor": "forgotten-0", "name": "forgotten-0", "retired": False, "position": 5}
EXPLAINED: ExplainedShape = {
    "league": "tennis",
    "competitor": "Alice",
    "position": 2,
    "from_position": 0,
    "before": None,
    "after": 1488.0,
    "rows": [
        {
            "position": 1,
            "kind": "match",
            "undoes": None,
            "match_id": "2026-11-20-17",
            "opponent": "Bob",
            "before": 1500.0,
            "expected": 0.5,
            "score": 1.0,
            "k": 24.0,
            "weight": 1.0,
            "after": 1512.0,
            "reason": None,
        },
        {
            "position": 2,
            "kind": "correct",
            "undoes": None,
            "match_id": "2026-11-20-17",
            "opponent": None,
            "before": 1512.0,
            "expected": None,
            "score": None,
            "k": None,
            "weight": None,
            "after": 1488.0,
            "reason": "Bob won; the sheet was misread.",
        },
    ],
}
