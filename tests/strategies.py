"""Hypothesis strategies for what people send: keys, moments, contexts, matches, and whole histories of a league."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from app.ratings.matches import MAX_WEIGHT, SCORES, canonical_context, clean_key
from app.services.recording import MatchIn

YEAR_1 = -62_135_596_800_000_000
YEAR_9999 = 253_402_300_799_999_999


def _is_key(text: str) -> bool:
    try:
        return clean_key(text) == text
    except ValueError:
        return False


def keys(max_size: int = 12) -> st.SearchStrategy[str]:
    """Anything that may name a competitor or a match."""
    return st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=max_size).filter(_is_key)


competitors = st.sampled_from(["A", "B", "C", "D", "é", "名/前", "\U0001f600", "a\\\"'; DROP", "Ω"])
"""A few competitors with awkward names, so that they meet again."""

finite = st.floats(allow_nan=False, allow_infinity=False)
weights = st.floats(min_value=0.0, max_value=MAX_WEIGHT, exclude_min=True) | st.sampled_from([1.0, 2.0, 0.5])
moments = st.integers(YEAR_1, YEAR_9999)
context_values = st.none() | st.booleans() | finite | keys()
contexts = st.none() | st.dictionaries(keys(), context_values, min_size=1, max_size=4).map(canonical_context)


no_id: st.SearchStrategy[str | None] = st.none()


@st.composite
def matches(draw: st.DrawFn, match_id: st.SearchStrategy[str | None] = no_id, weight: st.SearchStrategy[float] = weights) -> MatchIn:
    first, second = draw(st.lists(competitors, min_size=2, max_size=2, unique=True))
    return MatchIn(
        first,
        second,
        draw(st.sampled_from([*SCORES.values()])),
        match_id=draw(match_id),
        played_at=draw(st.none() | moments),
        weight=draw(weight),
        neutral=draw(st.booleans()),
        first_score=draw(st.none() | finite),
        second_score=draw(st.none() | finite),
        context=draw(contexts),
    )


@dataclass(frozen=True)
class Step:
    """One thing that happens to a league: record, batch, load (a file), void, repeat, settings or fit."""

    kind: str
    matches: list[MatchIn] = field(default_factory=list)
    chosen: int = 0
    """Which of the matches so far a void takes back, or an old id repeats."""
    settings: dict[str, Any] = field(default_factory=dict)


_played = matches(weight=st.sampled_from([1.0, 0.25, 3.0]))
_chosen = st.integers(0, 10_000)
_ks = st.floats(0.5, 100.0)
_settings = st.fixed_dictionaries(
    {},
    optional={
        "k": _ks | st.fixed_dictionaries({"newcomer": _ks, "matches": st.integers(1, 5), "then": _ks}),
        "side": st.sampled_from(["off", "estimate"]) | st.floats(-200.0, 200.0),
        "provisional_matches": st.integers(0, 20),
        "prior_sd": st.floats(0.5, 5.0),
        "draws": st.sampled_from(["half", "davidson"]),
    },
)
steps = st.one_of(
    st.builds(Step, st.just("record"), st.lists(_played, min_size=1, max_size=1)),
    st.builds(Step, st.just("batch"), st.lists(_played, min_size=1, max_size=6)),
    st.builds(Step, st.just("load"), st.lists(_played, min_size=1, max_size=6)),
    st.builds(Step, st.just("void"), chosen=_chosen),
    st.builds(Step, st.just("repeat"), chosen=_chosen),
    st.builds(Step, st.just("settings"), settings=_settings),
    st.builds(Step, st.just("fit")),
)
histories = st.lists(steps, min_size=3, max_size=14)
