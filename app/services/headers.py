"""Which column of a foreign file is which field, and what the words in its outcome column mean.

Names are compared without case, spaces, hyphens and underscores. A field that two columns could fill is an error that names the remedy, never a choice
made in silence. The names and words that are known stand in `header_names`; what a single cell says is decided in `cells`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.ratings.matches import canonical_context, clean_key
from app.services.file_text import MAX_COLUMNS, not_understood
from app.services.header_names import DRAW_MARKS, FIELDS, FOREIGN_IDS, RESULTS, SCORES, SIDES, SYNONYMS, Kind, outcome_words, squash

CONTEXT_PREFIX = "context."
_SAY_ALL = (
    "Name the columns first,second,outcome or player_a,player_b,outcome or winner,loser, or say which is which: "
    "--map first=… --map second=… --map outcome=… (or first_score and second_score)."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each field stands in a row, what the two sides are, and what a word in the outcome column scores for the first side."""

    header: tuple[str, ...]
    fields: Mapping[str, int]
    kind: Kind
    words: Mapping[str, float]

    @property
    def mapping(self) -> dict[str, str]:
        """Field → the column's name, sorted."""
        return {name: self.header[position] for name, position in sorted(self.fields.items())}

    @property
    def ignored(self) -> list[str]:
        """The columns that fill no field."""
        used = set(self.fields.values())
        return [name for position, name in enumerate(self.header) if position not in used and name]


def understand_header(header: Sequence[str], mapping: Mapping[str, str] | None = None) -> Plan:
    """The plan for a file with these columns; a field mapped to the empty string is left out although a column could fill it.

    Raises FileNotUnderstood where a needed field is missing, could be read in two ways, or is mapped to a column that is not there.
    """
    _refuse_unprintable(header)
    search = _Search(header, mapping or {})
    kind = search.find_sides()
    search.find_scores(kind)
    search.find_outcome(kind)
    search.find_neutral(kind)
    for name in ("played_at", "weight", "context"):
        search.find_one(name)
    search.find_match_id()
    first, second = search.column("first"), search.column("second")
    return Plan(tuple(header), search.fields, kind, outcome_words(kind, first, second))


def _refuse_unprintable(header: Sequence[str]) -> None:
    if len(header) > MAX_COLUMNS:
        raise not_understood(f"The header has {len(header)} columns.", f"Keep at most {MAX_COLUMNS}.")
    for number, name in enumerate(header, start=1):
        try:
            clean_key(name.strip() or "unnamed")
        except ValueError as error:
            raise not_understood(f"The name of column {number} {error}.", "Rename the column.") from error


def _refuse_contradictions(mapping: Mapping[str, str]) -> None:
    """Raise FileNotUnderstood for a mapping that no header could satisfy."""
    _refuse_unknown_fields(mapping)
    used = {name for name, column in mapping.items() if column}
    for one, other in (("first", "second"), ("first_score", "second_score")):
        if (one in used) != (other in used):
            raise not_understood(f"Only one of {one} and {other} is mapped.", f"Map both: --map {one}=… --map {other}=…", pointer=one)
    for names in (("outcome", "winner", "score"), ("neutral", "home")):
        if len(several := [name for name in names if name in used]) > 1:
            raise not_understood(
                f"{' and '.join(several)} are mapped although they say the same.", f"Keep one: --map {several[0]}=…", pointer=several[0]
            )
    if "loser" in used and ("winner" not in used or "first" in used):
        raise not_understood(
            "A loser is mapped without a winner, or beside first and second.", "Map winner and loser alone, or first, second and outcome."
        )


def _refuse_unknown_fields(mapping: Mapping[str, str]) -> None:
    contexts = {name.removeprefix(CONTEXT_PREFIX): None for name in mapping if name.startswith(CONTEXT_PREFIX)}
    for name in mapping:
        if name not in FIELDS and not name.startswith(CONTEXT_PREFIX):
            raise not_understood(f"There is no field “{name}” to map.", f"The fields are {', '.join(FIELDS)} and context.<name>.", pointer=name)
    try:
        canonical_context(contexts)
    except ValueError as error:
        raise not_understood(f"The names after “context.” cannot be kept: {error}.", "Choose others.", pointer="context") from error


class _Search:
    """The columns of one header, and the fields found among them so far."""

    def __init__(self, header: Sequence[str], mapping: Mapping[str, str]) -> None:
        _refuse_contradictions(mapping)
        self._header = header
        self._named: dict[str, list[int]] = {}
        for position, name in enumerate(header):
            self._named.setdefault(squash(name), []).append(position)
        self._off = {"outcome" if name == "winner" else name for name, column in mapping.items() if not column}
        self.fields = {name: self._mapped(name, column) for name, column in mapping.items() if column}

    def _mapped(self, name: str, column: str) -> int:
        exact = [position for position, other in enumerate(self._header) if other == column]
        positions = exact or self._named.get(squash(column), [])
        if len(positions) == 1:
            return positions[0]
        what = "is there more than once" if positions else "is not in the file"
        raise not_understood(f"The column “{column}” that {name} is mapped to {what}.", f"The columns are {self._listed()}.", pointer=name)

    def find_sides(self) -> Kind:
        """The two sides: as mapped, else by name, else a winner and a loser."""
        if "first" in self.fields:
            pair = squash(self.column("first")), squash(self.column("second"))
            return "reversed" if pair[::-1] in SIDES else SIDES.get(pair, "own")
        if "loser" in self.fields:
            return "result"
        if (sides := self._take_pair(("first", "second"), SIDES)) is not None:
            return SIDES[sides]
        if self._take_pair(("winner", "loser"), RESULTS) is None:
            detail = f"No two columns could be recognised as the sides of a match; the columns are {self._listed()}."
            raise not_understood(detail, _SAY_ALL, pointer="first")
        self._refuse_draw_marks()
        return "result"

    def _refuse_draw_marks(self) -> None:
        for mark in () if "outcome" in self._off else DRAW_MARKS:
            if mark in self._named:
                detail = f"The column “{self._header[self._named[mark][0]]}” stands beside a winner and a loser: it may mark draws."
                remedy = (
                    "Write first,second,outcome with the outcome first, second or draw; where the file has no draws, say --map winner=… --map loser=…"
                )
                raise not_understood(detail, remedy, pointer="outcome")

    def find_scores(self, kind: Kind) -> None:
        if not {"first_score", "second_score"} & (self.fields.keys() | self._off):
            self._take_pair(("first_score", "second_score"), [pair for pair, kinds in SCORES.items() if kind in kinds])

    def find_outcome(self, kind: Kind) -> None:
        """The column that states the outcome; none is needed beside a winner and a loser, or where both scores are there."""
        if kind == "result":
            self._refuse_outcome_of_results()
            return
        if "winner" in self.fields:
            self.fields["outcome"] = self.fields.pop("winner")
        if "score" in self.fields:
            return
        self.find_one("outcome")
        if not {"outcome", "first_score"} & self.fields.keys():
            self.find_one("score")
        if not {"outcome", "first_score", "score"} & self.fields.keys():
            raise not_understood(f"No column says who won; the columns are {self._listed()}.", _SAY_ALL, pointer="outcome")

    def _refuse_outcome_of_results(self) -> None:
        if mapped := {"outcome", "score"} & self.fields.keys():
            detail = f"{mapped.pop()} is mapped, but the sides are a winner and a loser."
            remedy = f"Map the sides too: --map first={self.column('winner')} --map second={self.column('loser')}"
            raise not_understood(detail, remedy, pointer="outcome")

    def find_neutral(self, kind: Kind) -> None:
        """Neutral ground, told directly or by a flag that the first side is at home."""
        if {"neutral", "home"} & self.fields.keys():
            return
        self.find_one("neutral")
        if kind not in {"reversed", "result"}:
            self.find_one("home")
        if {"neutral", "home"} <= self.fields.keys():
            self._refuse_ambiguity("neutral", [self.fields["neutral"], self.fields["home"]])

    def find_one(self, name: str) -> None:
        """The only column that could be this field, if there is one."""
        if name in self.fields or name in self._off:
            return
        found = [position for synonym in SYNONYMS[name] for position in self._free(synonym)]
        self._refuse_ambiguity(name, found)
        if found:
            self.fields[name] = found[0]

    def find_match_id(self) -> None:
        """Our own name first; a foreign id only where it is the only one."""
        if "match_id" in self.fields or "match_id" in self._off:
            return
        found = self._free("matchid") or [position for name in FOREIGN_IDS for position in self._free(name)]
        if len(found) == 1:
            self.fields["match_id"] = found[0]

    def column(self, name: str) -> str:
        """The name of the column that fills a field, empty where none does."""
        return self._header[self.fields[name]] if name in self.fields else ""

    def _take_pair(self, names: tuple[str, str], pairs: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        found = [pair for pair in pairs if self._free(pair[0]) and self._free(pair[1])]
        if not found or set(names) & self._off:
            return None
        places = [(one, two) for pair in found for one in self._free(pair[0]) for two in self._free(pair[1])]
        if len(places) > 1:
            listed = " and ".join(f"“{self._header[one]}”, “{self._header[two]}”" for one, two in places)
            remedy = f"Say which (rename a column whose name is there twice): --map {names[0]}=… --map {names[1]}=…"
            raise not_understood(f"More than one pair of columns could be {names[0]} and {names[1]}: {listed}.", remedy, pointer=names[0])
        self.fields |= dict(zip(names, places[0], strict=True))
        return found[0]

    def _refuse_ambiguity(self, name: str, positions: Sequence[int]) -> None:
        if len(positions) < 2:
            return
        columns = [self._header[position] for position in positions]
        remedy = f"Say which: --map {name}={columns[0]}" if len(set(columns)) > 1 else "Give the columns different names."
        raise not_understood(f"More than one column could be {name}: {', '.join(f'“{column}”' for column in columns)}.", remedy, pointer=name)

    def _free(self, name: str) -> list[int]:
        taken = {position for field, position in self.fields.items() if not field.startswith(CONTEXT_PREFIX)}
        return [position for position in self._named.get(name, ()) if position not in taken]

    def _listed(self) -> str:
        return ", ".join(f"“{name}”" for name in self._header if name) or "without names"
