"""Keys: who may do what, in which league, until when; and that no secret is ever written down."""

import itertools
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.errors import ArpadError, BadInput, FitFinished, KeyRequired, LeagueNotFound, NotFound, ScopeMissing
from app.services.corrections import void_match
from app.services.exports import export_league
from app.services.imports import get_import, import_file
from app.services.keys import SCOPES, Caller, create_key, ensure_admin_key, list_keys, revoke_key
from app.services.leagues import change_league, create_league, get_league, head, list_leagues
from app.services.matches import get_match, list_matches
from app.services.predictions import matrix, predict
from app.services.recording import as_columns, record_batch, record_group, record_match
from app.services.refits import cancel_refit, get_fit, list_fits, request_refit
from app.services.standings import competitor, competitors, leaderboard
from app.services.verification import verify_league
from tests.services.play import OPERATOR, Play, match


def cancelled(database, caller: Caller, league: str) -> None:
    """The fit that every league here has is over, which is told only to those who may cancel."""
    with pytest.raises(FitFinished):
        cancel_refit(database, caller, league, 1)


NEEDED = {
    "get_league": ("public", get_league),
    "head": ("public", head),
    "leaderboard": ("public", leaderboard),
    "competitors": ("public", competitors),
    "competitor": ("public", lambda d, c, p: competitor(d, c, p, "A")),
    "get_match": ("public", lambda d, c, p: get_match(d, c, p, "m")),
    "list_matches": ("public", list_matches),
    "predict": ("public", lambda d, c, p: predict(d, c, p, "A", "B")),
    "matrix": ("public", matrix),
    "list_fits": ("public", list_fits),
    "get_fit": ("public", lambda d, c, p: get_fit(d, c, p, 1)),
    "verify": ("read", verify_league),
    "export": ("read", lambda d, c, p: list(export_league(d, c, p))),
    "record": ("report", lambda d, c, p: record_match(d, c, p, match("A", "B"))),
    "record_batch": ("report", lambda d, c, p: record_batch(d, c, p, as_columns([match("A", "B")]))),
    "void": ("manage", lambda d, c, p: void_match(d, c, p, "m", reason="x", dry_run=True)),
    "change": ("manage", lambda d, c, p: change_league(d, c, p, settings={"k": 10.0})),
    "request_refit": ("manage", request_refit),
    "cancel_refit": ("manage", cancelled),
}


def key(database, scope="report", **options) -> Caller:
    return Caller.with_key(create_key(database, OPERATOR, name=f"{scope} key", scopes=[scope], **options)["key"])


def outcome(operation: str, database, caller: Caller, league: str) -> type[ArpadError] | None:
    try:
        NEEDED[operation][1](database, caller, league)
    except (KeyRequired, ScopeMissing, LeagueNotFound) as error:
        return type(error)
    return None


def begun(database, *, public: bool) -> Play:
    play = Play.begin(database, public=public)
    play.play("A", "B", "first", "m")
    play.fit()
    return play


@pytest.fixture(scope="module")
def leagues(shared_sqlite, shared_postgresql):
    return {database: {public: begun(database, public=public) for public in (True, False)} for database in (shared_sqlite, shared_postgresql)}


@pytest.fixture(scope="module")
def holders(leagues):
    """Callers of every kind, per database: (scope, where the key reaches) → caller."""
    found = {}
    for database, plays in leagues.items():
        elsewhere = Play.begin(database)
        for scope in SCOPES:
            found[database, scope, "everywhere"] = key(database, scope)
            found[database, scope, "elsewhere"] = key(database, scope, league=elsewhere.league)
            for public, play in plays.items():
                found[database, scope, public] = key(database, scope, league=play.league)
    return found


@pytest.mark.parametrize("operation", NEEDED)
def test_who_may_do_what(shared, leagues, holders, operation):
    needed = NEEDED[operation][0]
    for public, play in leagues[shared].items():
        assert outcome(operation, shared, OPERATOR, play.league) is None
        nobody = outcome(operation, shared, Caller.anonymous(), play.league)
        assert nobody == (LeagueNotFound if not public else None if needed == "public" else KeyRequired)
        for scope, reach in itertools.product(SCOPES, ("everywhere", "elsewhere", public)):
            enough = needed == "public" or SCOPES.index(scope) >= SCOPES.index(needed)
            expected = None if enough else ScopeMissing
            if reach == "elsewhere":
                expected = LeagueNotFound if not public else None if needed == "public" else ScopeMissing
            assert outcome(operation, shared, holders[shared, scope, reach], play.league) == expected, (public, scope, reach)


@pytest.mark.parametrize("operation", NEEDED)
def test_a_key_that_is_none_opens_nothing(shared, leagues, operation):
    for play in leagues[shared].values():
        assert outcome(operation, shared, Caller.with_key("arpad_00000000_wrong"), play.league) is KeyRequired


@pytest.mark.parametrize("operation", NEEDED)
def test_a_league_that_is_not_there_is_not_found(shared, operation):
    for caller in (OPERATOR, Caller.anonymous(), key(shared, "admin")):
        assert outcome(operation, shared, caller, "nowhere") is LeagueNotFound


def test_imports_need_report(shared, leagues, holders, tmp_path):
    path = tmp_path / "matches.csv"
    path.write_text("first,second,outcome\nA,B,first\n")
    play = leagues[shared][True]
    for caller, error in ((Caller.anonymous(), KeyRequired), (holders[shared, "read", "everywhere"], ScopeMissing)):
        with pytest.raises(error):
            import_file(shared, caller, play.league, path)
        with pytest.raises(error):
            get_import(shared, caller, play.league, "x")
    with pytest.raises(LeagueNotFound):
        import_file(shared, Caller.anonymous(), leagues[shared][False].league, path)
    report, _ = import_file(shared, holders[shared, "report", True], play.league, path)
    assert get_import(shared, holders[shared, "report", True], play.league, report["import_id"]) == report


def test_everyone_in_a_group_is_judged_alone(shared):
    play = Play.begin(shared, public=True)
    callers = [Caller.anonymous(), key(shared), key(shared, "read"), Caller.with_key("x"), OPERATOR]
    answers = record_group(shared, play.league, [(caller, match("A", "B", match_id=str(n))) for n, caller in enumerate(callers)])
    assert [type(answer).__name__ for answer in answers] == ["KeyRequired", "Recorded", "ScopeMissing", "KeyRequired", "Recorded"]
    assert [answer.receipt["author"] for answer in answers if hasattr(answer, "receipt")] == ["report key", "operator"]
    assert play.verified()["matches"] == 2


def test_only_keys_for_all_leagues_make_leagues_and_keys(shared, holders, leagues):
    for scope, reach in itertools.product(SCOPES, ("everywhere", True)):
        caller, name = holders[shared, scope, reach], f"made-by-{scope}-{str(reach).lower()}"
        may_make = reach == "everywhere" and scope in {"manage", "admin"}
        may_admit = reach == "everywhere" and scope == "admin"
        for allowed, act in (
            (may_make, lambda caller=caller, name=name: create_league(shared, caller, name)),
            (may_admit, lambda caller=caller: create_key(shared, caller, name="x")),
            (may_admit, lambda caller=caller: list_keys(shared, caller)),
        ):
            if allowed:
                act()
            else:
                with pytest.raises(ScopeMissing):
                    act()
    for act in (create_league, create_key):
        with pytest.raises(KeyRequired):
            act(shared, Caller.anonymous(), **({"league": "by-nobody"} if act is create_league else {"name": "x"}))


def test_lists_show_what_one_may_read(database):
    public, private, other = Play.begin(database, public=True), Play.begin(database), Play.begin(database)
    seen = lambda caller: {row["league"] for row in list_leagues(database, caller)["rows"]}  # noqa: E731  read once per line below
    assert seen(Caller.anonymous()) == {public.league}
    assert seen(key(database, "read", league=private.league)) == {public.league, private.league}
    assert seen(key(database, "read")) == seen(OPERATOR) == {public.league, private.league, other.league}


def test_a_revoked_key_ends_at_once(shared):
    play = Play.begin(shared)
    shape = create_key(shared, OPERATOR, name="short-lived")
    caller = Caller.with_key(shape["key"])
    record_match(shared, caller, play.league, match("A", "B"))
    revoked = revoke_key(shared, OPERATOR, shape["prefix"])
    assert revoked["revoked_at"] is not None
    with pytest.raises(KeyRequired):
        record_match(shared, caller, play.league, match("A", "B"))
    with pytest.raises(KeyRequired):
        get_league(shared, caller, play.league)
    assert revoke_key(shared, OPERATOR, shape["prefix"]) == revoked
    with pytest.raises(NotFound):
        revoke_key(shared, OPERATOR, "nothing")


def test_an_expired_key_is_none(shared):
    play, now = Play.begin(shared), time.time_ns() // 1000
    get_league(shared, key(shared, expires_at=now + 60_000_000), play.league)
    secret = key(shared, expires_at=now + 61_000_000)
    play.sql("UPDATE api_key SET expires_at = :past WHERE expires_at = :set", past=now - 1, set=now + 61_000_000)
    with pytest.raises(KeyRequired):
        get_league(shared, secret, play.league)


def test_a_key_that_would_have_expired_already_is_not_made(shared):
    with pytest.raises(BadInput, match="expired"):
        key(shared, expires_at=time.time_ns() // 1000 - 1)


def test_keys_are_listed_without_their_secrets(shared):
    made = create_key(shared, OPERATOR, name="Vera’s phone", scopes=["read", "manage"])
    assert made["scopes"] == ["read", "report", "manage"]
    (listed,) = [shape for shape in list_keys(shared, OPERATOR) if shape["prefix"] == made["prefix"]]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert made["prefix"] in made["key"]


@pytest.mark.parametrize("wrong", [{"scopes": []}, {"scopes": ["root"]}, {"scopes": ["read", "x"]}, {"name": ""}, {"name": "a\nb"}])
def test_what_is_no_key(shared, wrong):
    with pytest.raises(BadInput) as caught:
        create_key(shared, OPERATOR, **{"name": "n", **wrong})
    assert caught.value.faults


def test_a_key_for_a_league_that_is_not_there(shared):
    with pytest.raises(LeagueNotFound):
        create_key(shared, OPERATOR, name="n", league="nowhere")


def test_no_secret_is_in_the_database(sqlite_url, tmp_path):
    from app.storage.migrations import migrate
    from app.storage.unit_of_work import Database

    database = Database.open(sqlite_url)
    migrate(database)
    secret = create_key(database, OPERATOR, name="hidden-away")["key"]
    play = Play.begin(database)
    record_match(database, Caller.with_key(secret), play.league, match("A", "B"))
    database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hidden-away" in stored
    assert secret.encode() not in stored
    assert secret.rpartition("_")[2].encode() not in stored


def test_secrets_are_long_and_never_the_same(shared):
    made = [create_key(shared, OPERATOR, name="n")["key"] for _ in range(5)]
    assert len(set(made)) == 5
    assert all(len(one.split("_", 2)[2]) >= 43 for one in made)


def test_the_first_start_makes_an_admin_key_that_only_its_owner_reads(database, tmp_path):
    path = tmp_path / "data" / "admin.key"
    secret = ensure_admin_key(database, path)
    assert path.read_text() == f"{secret}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    create_league(database, Caller.with_key(secret), "by-admin")
    assert ensure_admin_key(database, path) is None
    assert path.read_text() == f"{secret}\n"


def test_processes_that_start_at_once_make_one_admin_key(database, tmp_path):
    start, path = Barrier(6), tmp_path / "admin.key"

    def run(_: int) -> str | None:
        start.wait()
        return ensure_admin_key(database, path)

    with ThreadPoolExecutor(6) as pool:
        made = [secret for secret in pool.map(run, range(6)) if secret is not None]
    assert [f"{secret}\n" for secret in made] == [path.read_text()]


def test_an_old_file_is_replaced_and_not_followed(database, tmp_path):
    target, path = tmp_path / "target", tmp_path / "admin.key"
    target.write_text("precious")
    path.symlink_to(target)
    secret = ensure_admin_key(database, path)
    assert (target.read_text(), path.read_text()) == ("precious", f"{secret}\n")
    assert not path.is_symlink()


def test_a_revoked_admin_key_is_replaced_on_the_next_start(database, tmp_path):
    secret = ensure_admin_key(database, tmp_path / "admin.key")
    revoke_key(database, OPERATOR, secret.split("_")[1])
    assert ensure_admin_key(database, tmp_path / "admin.key") not in {None, secret}


def test_context_and_author_are_not_for_the_public(shared):
    play = Play.begin(shared, public=True)
    play.play("A", "B", "first", "m", context='{"court":"7"}')
    for receipt in (get_match(shared, Caller.anonymous(), play.league, "m"), list_matches(shared, Caller.anonymous(), play.league)["rows"][0]):
        assert not {"context", "author"} & set(receipt)
    assert get_match(shared, key(shared, "read"), play.league, "m")["context"] == {"court": "7"}


def test_a_key_of_another_league_sees_no_more_than_the_public(play):
    """Contexts and authors are for those whose key reaches the league."""
    play.batch([match("A", "B", match_id="m", context='{"phone":"555"}')])
    change_league(play.database, OPERATOR, play.league, public=True)
    create_league(play.database, OPERATOR, f"{play.league}-other")
    secret = create_key(play.database, OPERATOR, name="other", scopes=["read"], league=f"{play.league}-other")["key"]
    own = create_key(play.database, OPERATOR, name="own", scopes=["read"], league=play.league)["key"]

    assert "context" not in get_match(play.database, Caller.with_key(secret), play.league, "m")
    assert get_match(play.database, Caller.with_key(own), play.league, "m")["context"] == {"phone": "555"}
