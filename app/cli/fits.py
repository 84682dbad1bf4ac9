"""`arpad refit` and `arpad fits`: fits of the whole model."""

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli import exits
from app.cli.arguments import AsOfOption, CursorOption, LeagueArgument, LimitOption, WhereOption, as_of_given, of_segment, options_of, where_given
from app.cli.output import More, Next, Parts, count, filled_table, table
from app.cli.session import Session, command
from app.errors import Conflict, VerifyDiffers
from app.services.answer_shapes import CheckedFigure, FitCheckShape
from app.services.shapes import FitListShape, FitShape

if TYPE_CHECKING:
    from app.storage.unit_of_work import Database

group = typer.Typer(rich_markup_mode=None)

CLAIM_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.1
LONGEST_FIGURE: Final = 64
UNFINISHED: Final = ("waiting", "running")
IN_VAIN: Final = ("refused", "failed", "cancelled")


@command(group, "refit", example="arpad refit tennis --wait\narpad refit tennis --where surface=clay --wait")
def refit(
    session: Session,
    league: LeagueArgument,
    *,
    where: WhereOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result; do the work here if no worker takes it within a second.")] = False,
) -> None:
    """Ask for a fit of all matches so far, or with --where of a segment of them. With --wait, one that is refused or fails leaves with 3."""
    from app.services.refits import request_refit

    segment = where_given(where)
    with session.database() as database:
        shape = request_refit(database, session.caller, league, where=segment)
        if wait:
            shape = _finished(session, database, shape)
        beside = _unpublished(session, database, shape)
    session.show(shape, lambda fit: [*_fit(fit), *beside])
    if shape["status"] in IN_VAIN:
        raise typer.Exit(exits.EXIT_CODES[Conflict])


@command(group, "fits", example="arpad fits tennis --limit 5")
def fits(
    session: Session,
    league: LeagueArgument,
    *,
    where: WhereOption = None,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    as_of: AsOfOption = None,
) -> None:
    """List the fits of a league and what became of them, newest first."""
    from app.services.refits import list_fits

    when, segment = as_of_given(as_of), where_given(where)
    with session.database() as database:
        shape = list_fits(database, session.caller, league, where=segment or None, cursor=cursor, limit=limit, as_of=when)
    session.show(shape, lambda found: _list(league, found, as_of))


@command(group, "cancel", example="arpad cancel tennis 7")
def cancel(
    session: Session,
    league: LeagueArgument,
    fit: Annotated[int, typer.Argument(metavar="FIT", min=1, help="The number of the fit, as `arpad fits` lists it.")],
) -> None:
    """Cancel a refit that waits or runs. One that has come to its end leaves with 3."""
    from app.services.refits import cancel_refit

    with session.database() as database:
        shape = cancel_refit(database, session.caller, league, fit)
    session.show(shape, _cancelled)


@command(group, "check-fit", example="arpad check-fit tennis\narpad check-fit tennis 7\narpad check-fit tennis --where surface=clay")
def check_fit(
    session: Session,
    league: LeagueArgument,
    fit: Annotated[
        int | None, typer.Argument(metavar="[FIT]", min=1, help="The number of the fit, as `arpad fits` lists it.", show_default="the published one")
    ] = None,
    *,
    where: WhereOption = None,
) -> None:
    """Compute the certificate of a fit, its table and what differences rest on anew from the log, on another way than the fit took.

    With --where, of the published fit of a segment. If anything differs, the command leaves with 8.
    """
    from app.services import fit_checks

    segment = where_given(where)
    with session.database() as database:
        shape = fit_checks.check_fit(database, session.caller, league, fit, where=segment)
    session.show(shape, _checked)
    if not shape["equal"]:
        raise typer.Exit(exits.EXIT_CODES[VerifyDiffers])


def _checked(found: FitCheckShape) -> Parts:
    differing = [each["figure"] for each in found["figures"] if not each["agrees"]]
    rows = [(each["figure"], _digits(each["stated"]), _digits(each["recomputed"]), *_agreement(each)) for each in found["figures"]]
    of = f"fit {found['fit']} of “{found['league']}”{of_segment(found.get('where'))} with {count(found['matches'], 'match')} up to entry {found['position']:,}"
    verdict = f"NOT what the log gives: {', '.join(differing)}." if differing else "what the log gives, computed anew and on another way."
    return [f"The certificate of {of} is {verdict}", table(("figure", ">certificate", ">computed anew", ">may differ by", ""), rows)]


def _agreement(figure: CheckedFigure) -> tuple[str, str]:
    allowed = "" if figure["allowed"] is None else f"{figure['allowed']:.0e}"
    return allowed, "" if figure["agrees"] else "DIFFERS"


def _digits(value: object) -> str:
    """A hash by its beginning, a number with what can be read of it."""
    if isinstance(value, bool):
        return "as in the log" if value else "not as in the log"
    if isinstance(value, float):
        return f"{value:.7g}"
    text = "none" if value is None else str(value)
    return text if len(text) < LONGEST_FIGURE else f"{text[:12]}…"


def _cancelled(fit: FitShape) -> Parts:
    done = "is cancelled" if fit["status"] == "cancelled" else "is being cancelled by its worker"
    return [f"Fit {fit['fit']} of “{fit['league']}” {done}.", Next(f"fits {fit['league']}")]


def _finished(session: Session, database: "Database", asked: FitShape) -> FitShape:
    """The fit once it is done, by a worker or by this process."""
    from app.services.refits import get_fit, run_next_refit
    from app.worker import worker_name

    fit, patience = asked, time.monotonic() + CLAIM_SECONDS
    while fit["status"] in UNFINISHED:
        if fit["status"] == "waiting" and time.monotonic() > patience:
            if run_next_refit(database, worker_name(), league=fit["league"]) is None:
                time.sleep(LOOK_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)
        fit = get_fit(database, session.caller, fit["league"], fit["fit"])
    return fit


def _fit(fit: FitShape) -> Parts:
    league, options = fit["league"], options_of(fit.get("where"))
    told = f"Fit {fit['fit']} of “{league}”{of_segment(fit.get('where'))}"
    if fit["status"] in UNFINISHED:
        stage = f" ({fit['stage']})" if fit["stage"] else ""
        return [f"{told} is {fit['status']}{stage}.", Next(f"fits {league}", f"refit {league}{options} --wait")]
    reason = f": {fit['reason']}" if fit["reason"] else "."
    certificate = _certificate(fit["position"], fit["certificate"]) if fit["certificate"] else []
    following = [Next(f"leaderboard {league} --by fit{options}")] if fit["status"] == "published" else []
    return [f"{told} is {fit['status']}{reason}", *certificate, *following]


def _unpublished(session: Session, database: "Database", fit: FitShape) -> Parts:
    """Of a fit that was not published: what stands meanwhile, and what would help a pure maximum likelihood fit."""
    from app.services.bridges import bridges
    from app.services.conditions import Conditions
    from app.services.leagues import get_league
    from app.services.standings import leaderboard

    if session.as_json or fit["status"] not in IN_VAIN:
        return []
    ask, segment = (database, session.caller, fit["league"]), Conditions.of_values(fit.get("where", {}))
    league = get_league(*ask)
    published = leaderboard(*ask, where=segment, limit=1)["fit"] if segment else league["published_fit"]
    stays: Parts = [] if published is None else [f"Fit {published} stays in place."]
    if fit["status"] != "refused" or league["settings"]["prior_sd"] is not None:
        return stays
    return [*stays, bridges(*ask, limit=3, where=segment)["sentence"], Next(f"bridges {fit['league']}{options_of(segment.shape)}")]


def _certificate(position: int | None, found: dict[str, Any]) -> list[str]:
    """What people want to know of a fit; the whole certificate is in the JSON."""
    whole = f"up to entry {position:,}" if position is not None else "so far"
    outcome = found["status"].replace("_", " ").replace("-", " ")
    parameters = _parameters(found)
    return [
        f"fitted      the matches {whole}: {count(found['pairs'], 'pair')} that met, in {count(found['components'], 'island')}",
        f"covariance  {found['covariance']}{_accuracy(found)}",
        f"solver      {outcome} in {count(found['iterations'], 'step')}; largest score residual {found['score_residual']:.1g} games",
        *([f"parameters  {', '.join(parameters)}"] if parameters else []),
    ]


def _accuracy(found: dict[str, Any]) -> str:
    if not found["approximate"]:
        return ""
    accuracy = found["standard_error_accuracy"]
    return ", standard errors approximate" + (f" (within {accuracy:.1%} where checked)" if accuracy is not None else "")


def _parameters(found: dict[str, Any]) -> list[str]:
    shown = []
    if found["side_advantage_points"] is not None:
        shown.append(f"advantage of the first side {found['side_advantage_points']:.1f} points")
    if found["tie_parameter"] is not None:
        shown.append(f"draw parameter {found['tie_parameter']:.3f}")
    shown += [
        f"{each['name']} {each['points']:+.1f} ± {each['points_standard_error']:.1f} points per standard deviation"
        for each in found.get("covariates", ())
    ]
    return shown


def _list(league: str, found: FitListShape, as_of: str | None) -> Parts:
    if not found["rows"] and as_of is not None:
        return [f"No fit of “{league}” had been published by then."]
    if not found["rows"]:
        return [f"There is no fit of “{league}” yet.", Next(f"refit {league} --wait")]
    rows = [
        (
            each["fit"],
            of_segment(each.get("where"))[2:] or None,
            each["status"],
            each["position"],
            each["finished_at"] or each["requested_at"],
            each["reason"],
        )
        for each in found["rows"]
    ]
    more = [More(found["next"])] if found["next"] else []
    return [filled_table((">fit", "segment", "status", ">position", "when", "reason"), rows), *more]
