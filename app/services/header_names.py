"""The names of columns, and the words for an outcome, that people's match files use. Data, and the two functions that normalise and join it.

A pair of sides has a kind, because a letter means nothing without it: `a` is the first of player_a and player_b, and the second of home and away.
"""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["plain", "home", "colour", "versus", "own", "reversed", "result"]

FIELDS = (
    "first",
    "second",
    "outcome",
    "score",
    "winner",
    "loser",
    "played_at",
    "weight",
    "neutral",
    "home",
    "first_score",
    "second_score",
    "match_id",
    "context",
)

_WHO = (
    "player",
    "team",
    "model",
    "name",
    "competitor",
    "side",
    "entity",
    "item",
    "participant",
    "opponent",
    "agent",
    "bot",
    "engine",
    "system",
    "candidate",
    "p",
)
_PLAIN = [
    *(("first", "second"), ("a", "b"), ("left", "right")),
    *((f"{who}{one}", f"{who}{two}") for who in _WHO for one, two in ("ab", "12")),
    *((f"first{who}", f"second{who}") for who in _WHO),
]
SIDES: dict[tuple[str, str], Kind] = {
    **dict.fromkeys(_PLAIN, "plain"),
    **{(f"home{who}", f"{away}{who}"): "home" for who in ("", "team", "player", "name") for away in ("away", "visitor", "visiting")},
    **{(f"white{who}", f"black{who}"): "colour" for who in ("", "player", "name")},
    ("player", "opponent"): "versus",
    ("team", "opponent"): "versus",
}
RESULTS = (("winner", "loser"), ("winnername", "losername"), ("winningteam", "losingteam"), ("winningplayer", "losingplayer"))

# A pair of scores belongs to the sides only where the names say so: home_score beside team1 might be either's.
_ORDERED = frozenset[Kind]({"plain", "home", "colour", "versus", "own"})
_SCORE_FORMS = (
    ("first{}", "second{}", _ORDERED),
    ("{}first", "{}second", _ORDERED),
    ("{}a", "{}b", _ORDERED),
    ("{}1", "{}2", _ORDERED),
    *((f"{who}{one}{{}}", f"{who}{two}{{}}", frozenset[Kind]({"plain"})) for who in _WHO for one, two in ("ab", "12")),
    *(("home{}", f"{away}{{}}", frozenset[Kind]({"home"})) for away in ("away", "visitor", "visiting")),
    *(("hometeam{}", f"{away}team{{}}", frozenset[Kind]({"home"})) for away in ("away", "visiting")),
    ("white{}", "black{}", frozenset[Kind]({"colour"})),
    ("{}for", "{}against", frozenset[Kind]({"versus"})),
    ("winner{}", "loser{}", frozenset[Kind]({"result"})),
)
SCORES: dict[tuple[str, str], frozenset[Kind]] = {
    (one.format(points), two.format(points)): kinds for one, two, kinds in _SCORE_FORMS for points in ("score", "goals", "points", "pts", "runs")
} | {("fthg", "ftag"): frozenset[Kind]({"home"})}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "outcome": ("outcome", "result", "ftr", "winner", "winnername", "winningteam", "winningplayer", "winningside"),
    "score": ("score",),
    "played_at": (
        "playedat",
        "playedon",
        "date",
        "time",
        "day",
        "datetime",
        "timestamp",
        "tstamp",
        "matchdate",
        "gamedate",
        "tourneydate",
        "dateplayed",
    ),
    "weight": ("weight", "weights"),
    "neutral": ("neutral", "isneutral", "neutralground", "neutralvenue", "neutralsite"),
    "home": ("home", "ishome"),
    "context": ("context",),
}
FOREIGN_IDS = ("id", "gameid", "eventid")
DRAW_MARKS = ("draw", "tie", "isdraw", "istie", "tied", "drawn", "outcome", "result")

_DRAWS = ("draw", "drawn", "tie", "tied", "d", "t", "x", "=", "½", "1/2", "0.5", "½-½", "1/2-1/2", "0.5-0.5", "tie(bothbad)", "bothbad")
_WORDS: dict[Kind, tuple[list[str], list[str]]] = {
    "plain": ([one for one, _ in _PLAIN], [two for _, two in _PLAIN]),
    "home": (["h", "home", "hometeam"], ["a", "away", "awayteam", "visitor"]),
    "colour": (["w", "white"], ["b", "black"]),
    "versus": (["w", "win", "won"], ["l", "loss", "lose", "lost"]),
}


def squash(name: str) -> str:
    """The name without what people write differently: case, white space, hyphens, underscores."""
    return "".join(name.casefold().split()).replace("_", "").replace("-", "")


def outcome_words(kind: Kind, first: str, second: str) -> dict[str, float]:
    """What the words of an outcome column score for the first side, given the kind of the sides and the names of their columns."""
    firsts, seconds = _WORDS.get(kind, ([], []))
    words = dict.fromkeys(_DRAWS, 0.5) | dict.fromkeys(firsts, 1.0) | dict.fromkeys(seconds, 0.0) | {"first": 1.0, "second": 0.0}
    if kind != "reversed":
        words |= {"1": 1.0, "1-0": 1.0, "2": 0.0, "0-1": 0.0}
    return words | {squash(first): 1.0, squash(second): 0.0}


def say_outcome(words: Mapping[str, float], text: str) -> float | None:
    """The score of the first side that a word states, None for a word that states none."""
    word = "".join(text.casefold().split()).replace("–", "-")
    if word in words or not word[:1].isalpha():
        return words.get(word)
    return words.get(squash(word))
