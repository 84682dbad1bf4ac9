"""An export proves itself: it rebuilds the same league on the other database, and no damage to it goes unnoticed."""

import hashlib
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import BadInput, DatabaseNotEmpty, ExportDamaged, KeyRequired, LeagueNotFound, ScopeMissing
from app.ratings.matches import canonical_context
from app.services.exports import export_league
from app.services.keys import Caller, create_key
from app.services.leagues import get_league
from app.services.matches import list_matches
from app.services.restores import restore_league
from app.services.standings import leaderboard
from tests.services.play import OPERATOR, Play, match


def season(database) -> Play:
    """Every kind of entry, awkward names, and every field of a match in use."""
    play = Play.begin(database, k=24.0)
    play.batch([match("Zoë", "a/b", match_id="m1"), match("\U0001f600", "Zoë", "draw", played_at=-1), match("a/b", "名", "second", weight=0.1)])
    play.play("名", "Zoë", "first", 'q"\\', first_score=1e22, second_score=-0.5, context=canonical_context({"ü": 1, "b": None, "c": True}))
    play.change(k=10.0, anchor={"competitor": "Zoë", "rating": 2000.0})
    play.void("m1", reason="“typed” twice")
    play.fit()
    play.batch([match("New", "Zoë", "draw", neutral=True), match("Zoë", "a/b")])
    play.void('q"\\')
    return play


@pytest.fixture(params=[0, 1], ids=["sqlite to postgresql", "postgresql to sqlite"])
def journey(request, both):
    return both[request.param], both[1 - request.param]


def test_a_league_survives_the_journey(journey):
    here, there = journey
    play = season(here)
    copy = play.restored_in(there)
    assert copy.export() == play.export()
    assert copy.verified() == {**play.verified(), "league": copy.league}
    assert list_matches(there, OPERATOR, copy.league) == list_matches(here, OPERATOR, play.league)
    shown = [leaderboard(*of, by="live")["rows"] for of in ((here, OPERATOR, play.league), (there, OPERATOR, copy.league))]
    assert [(row["competitor"], row["rank"], row["live"]) for row in shown[0]] == [(row["competitor"], row["rank"], row["live"]) for row in shown[1]]
    original, restored = get_league(here, OPERATOR, play.league), get_league(there, OPERATOR, copy.league)
    assert restored == {**original, "league": copy.league, "published_fit": None}


def test_a_restored_league_goes_on(journey):
    here, there = journey
    play = season(here)
    copy = play.restored_in(there)
    for league in (play, copy):
        league.play("名", "Newest", "second", "m9")
        league.void("m9")
        league.play("Newest", "Zoë", "draw", "m10")
        league.change(k=40.0)
        league.play("a/b", "Newest")
        assert league.record("Zoë", "a/b", "first", "m1").receipt["status"] == "voided"
        league.verified()
    assert play.verified()["state_hash"] == copy.verified()["state_hash"]
    fit = copy.fit()
    assert (fit["status"], fit["fit"]) == ("published", 2)
    copy.verified()


def test_what_a_restore_answers(both):
    play = season(both[0])
    verdict = play.verified()
    answer = restore_league(both[1], OPERATOR, play.export(), league="answered")
    assert answer == {"league": "answered", **{name: verdict[name] for name in ("position", "matches", "competitors", "state_hash", "log_head")}}


def test_the_name_of_the_export_is_the_default(both):
    play = season(both[0])
    answer = restore_league(both[1], OPERATOR, [line.replace(b"\n", b"\r\n") for line in play.export()])
    assert answer["league"] == play.league
    with pytest.raises(DatabaseNotEmpty):
        restore_league(both[1], OPERATOR, play.export())


@pytest.mark.parametrize("kind", ["nothing", "settings alone", "one match, voided"])
def test_small_leagues_survive_too(journey, kind):
    here, there = journey
    play = Play.begin(here)
    if kind == "settings alone":
        play.change(k=10.0)
    if kind == "one match, voided":
        play.play("A", "B", "first", "m")
        play.void("m")
    copy = play.restored_in(there)
    assert copy.export() == play.export()
    copy.verified()
    copy.play("A", "B")
    copy.verified()


def test_the_chain_can_be_followed_by_a_stranger(both):
    lines = season(both[0]).export()
    head = bytes(32)
    for line in lines[:-1]:
        if "hash" in json.loads(line):
            body = line.rstrip(b"\n")[: -len(b',"hash":""}') - 64] + b"}"
            head = hashlib.sha256(head + body).digest()
            assert json.loads(line)["hash"] == head.hex()
    assert json.loads(lines[-1]) == {"count": len(lines) - 6, "head": head.hex()}
    assert all(line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)


def _leagues(database) -> set[str]:
    with database.read() as unit:
        return {row.key for row in unit.leagues.page("", 100_000, only_public=False, only_id=None)}


def _refused(database, lines: list[bytes]) -> None:
    before = _leagues(database)
    with pytest.raises(ExportDamaged) as caught:
        restore_league(database, OPERATOR, lines, league="damaged")
    assert caught.value.detail
    assert _leagues(database) == before


def renamed(lines: list[bytes], key: str | None = None) -> list[bytes]:
    """The first of whom the salt is known under another key (as if forgotten, unless one is given), with the commitment to the true one and without the salt."""
    place, told = next((place, told) for place, told in enumerate(map(json.loads, lines)) if told.get("salt"))
    commitment = hashlib.sha256(bytes.fromhex(told["salt"]) + told["key"].encode()).hexdigest()
    false = {"competitor": told["competitor"], "key": key or f"forgotten-{told['competitor']}", "name": None, "salt": None, "commitment": commitment}
    return [*lines[:place], json.dumps(false, separators=(",", ":")).encode() + b"\n", *lines[place + 1 :]]


@pytest.fixture(scope="session")
def lines(shared_sqlite) -> list[bytes]:
    return season(shared_sqlite).export()


def test_a_cut_is_refused_wherever_it_is(shared, lines):
    for length in range(len(lines)):
        _refused(shared, lines[:length])
    for start in range(1, len(lines)):
        _refused(shared, lines[start:])


def test_a_line_left_out_is_refused(shared, lines):
    for place in range(len(lines)):
        _refused(shared, lines[:place] + lines[place + 1 :])


def test_a_line_that_comes_twice_is_refused(shared, lines):
    for place, line in enumerate(lines):
        _refused(shared, [*lines[: place + 1], line, *lines[place + 1 :]])
        _refused(shared, [*lines, line])


def test_a_competitor_of_whom_no_entry_speaks_is_refused(shared, lines):
    nobody = b'{"competitor":5,"key":"Mallory","name":null,"salt":"00"}\n'
    for place in (len(lines) - 1, len(lines) - 2, 1):
        _refused(shared, [*lines[:place], nobody, *lines[place:]])


def test_lines_that_changed_places_are_refused(shared, lines):
    for place in range(len(lines) - 1):
        _refused(shared, [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, 10**6), at=st.integers(0, 10**6), byte=st.integers(0, 255), how=st.sampled_from(["replace", "insert", "delete"]))
def test_one_byte_changed_anywhere_is_refused(shared_sqlite, lines, place, at, byte, how):
    line = lines[place % len(lines)]
    at %= len(line) - 1
    if how == "replace" and line[at] == byte:
        byte ^= 1
    middle = b"" if how == "delete" else bytes([byte])
    changed = line[:at] + middle + line[at if how == "insert" else at + 1 :]
    _refused(shared_sqlite, [changed if one is line else one for one in lines])


def test_a_shuffled_export_is_refused(shared, lines):
    for seed in range(5):
        shuffled = lines[:]
        random.Random(seed).shuffle(shuffled)
        _refused(shared, shuffled)


@pytest.mark.parametrize(
    "rubbish", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"7\n", b'"x"\n', b"\xff\n", b'{"hash":1}\n', b'{"competitor":{}}\n', b"[" * 9_999]
)
def test_rubbish_is_refused(shared, lines, rubbish):
    for place in (0, 3, len(lines)):
        _refused(shared, [*lines[:place], rubbish, *lines[place:]])
    _refused(shared, [rubbish])


def forged(lines: list[bytes], change) -> list[bytes]:
    """The lines with `change` applied to each value, and every hash made to fit again."""
    head, count, made = bytes(32), 0, []
    for line in lines[:-1]:
        value = json.loads(line)
        if (value := change(value)) is None:
            continue
        value.pop("hash", None)
        body = json.dumps(value, separators=(",", ":")).encode()
        if "competitor" in value:
            made.append(body + b"\n")
            continue
        head, count = hashlib.sha256(head + body).digest(), count + 1
        made.append(body[:-1] + b',"hash":"' + head.hex().encode() + b'"}\n')
    return [*made, json.dumps({"count": count, "head": head.hex()}, separators=(",", ":")).encode() + b"\n"]


def _on(kind: str, /, **fields):
    def change(value):
        if value.get("kind") == kind:
            value.update(fields)
        return value

    return change


FORGERIES = {
    "outcome": _on("match", outcome="banana"),
    "nobody": _on("match", first=77),
    "minus one": _on("match", second=-1),
    "text for a number": _on("match", weight="1"),
    "no such kind": _on("void", kind="unknown"),
    "void of nothing": _on("void", target=5000),
    "void of the creation": _on("void", target=0),
    "a bad time": _on("match", recorded_at="yesterday"),
    "a number for a time": _on("match", played_at=7),
    "settings that are none": _on("settings", settings={"k": "x"}),
    "settings unknown": _on("create", settings={"speed": 1}),
    "a creation of something else": _on("create", kind="match"),
    "twice created": _on("settings", kind="create"),
    "the same id": _on("match", match_id="m1"),
    "commitments of another": _on("match", commitments={"0": "00"}),
    "a match against oneself": _on("match", first=0, second=0),
    "an unknown creation": _on("create", public="yes"),
    "times that fall": _on("match", recorded_at="2001-01-01T00:00:00Z"),
    "an integer for a float": _on("match", weight=1),
    "a weight below zero": _on("match", weight=-1.0),
    "no weight": _on("match", weight=0.0),
    "a league id that is a number": _on("create", league=7),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_export_with_a_chain_that_holds_is_refused(shared, lines, forgery):
    before = _leagues(shared)
    with pytest.raises(ExportDamaged):
        restore_league(shared, OPERATOR, forged(lines, FORGERIES[forgery]), league="damaged")
    assert _leagues(shared) == before


def test_a_league_id_that_is_none_is_refused(shared, lines):
    before = _leagues(shared)
    with pytest.raises(BadInput):
        restore_league(shared, OPERATOR, forged(lines, _on("create", league="../etc")))
    with pytest.raises(BadInput):
        restore_league(shared, OPERATOR, lines, league="No Such Id")
    assert _leagues(shared) == before


def test_the_forger_of_these_tests_forges_well(both, lines):
    assert forged(lines, lambda value: value) == lines


def test_who_may_export_and_restore(shared, lines):
    play = season(shared)
    public = Play.begin(shared, public=True)
    report = Caller.with_key(create_key(shared, OPERATOR, name="r", scopes=["report"])["key"])
    assert list(export_league(shared, report, play.league))
    with pytest.raises(LeagueNotFound):
        list(export_league(shared, Caller.anonymous(), play.league))
    with pytest.raises(KeyRequired):
        list(export_league(shared, Caller.anonymous(), public.league))
    with pytest.raises(ScopeMissing):
        restore_league(shared, report, lines, league="by-reporter")
    with pytest.raises(KeyRequired):
        restore_league(shared, Caller.anonymous(), lines, league="by-nobody")


def test_an_export_that_is_given_up_leaves_nothing_open(shared):
    lines = export_league(shared, OPERATOR, season(shared).league)
    next(lines)
    lines.close()


def test_a_false_name_without_the_salt_that_would_disprove_it_is_refused(shared_sqlite, lines):
    _refused(shared_sqlite, renamed(lines))
    another = next(told["key"] for told in reversed(list(map(json.loads, lines))) if "key" in told)
    for key in ("Mallory", another):
        _refused(shared_sqlite, renamed(lines, key))
