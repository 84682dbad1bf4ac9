"""The league that `arpad demo` shows: 50 competitors and 5,000 matches, generated with a fixed seed."""

from typing import Final

from app.errors import LeagueExists
from app.ratings.matches import MatchColumns
from app.ratings.simulate import simulate_season
from app.services.keys import Caller
from app.services.leagues import create_league, get_league
from app.services.recording import record_batch
from app.services.refits import request_refit, run_next_refit
from app.services.shapes import LeagueShape
from app.storage.unit_of_work import Database

LEAGUE: Final = "demo"
NAMES: Final = [
    "Ada",
    "Anna",
    "Bela",
    "Cora",
    "Dezső",
    "Edit",
    "Elek",
    "Emma",
    "Endre",
    "Erika",
    "Ferenc",
    "Fanni",
    "Gábor",
    "Gréta",
    "György",
    "Hanna",
    "Ida",
    "Ilona",
    "Imre",
    "Irma",
    "János",
    "Judit",
    "Júlia",
    "Kata",
    "Klára",
    "Lajos",
    "Lenke",
    "Lili",
    "Magda",
    "Máté",
    "Miklós",
    "Mira",
    "Nóra",
    "Olga",
    "Olivér",
    "Ottó",
    "Pál",
    "Petra",
    "Piroska",
    "Réka",
    "Rózsa",
    "Sára",
    "Sándor",
    "Tamás",
    "Teréz",
    "Vera",
    "Vilma",
    "Viola",
    "Zita",
    "Zoltán",
]
MATCHES: Final = 5_000
SEED: Final = 1903


def make_demo(database: Database, caller: Caller) -> LeagueShape:
    """The demo league with a published fit; made if it is not there or was interrupted, and otherwise left as it is."""
    settings = {"k": 16.0, "primary": "live", "inactive_days": None}
    try:
        create_league(database, caller, LEAGUE, name="Demo league", settings=settings, public=True)
    except LeagueExists:
        found = get_league(database, caller, LEAGUE)
        if found["position"] > 0:
            return found
    season = simulate_season(len(NAMES), MATCHES, SEED)
    count = len(season.first)
    matches = MatchColumns(
        match_id=[f"demo-{index + 1}" for index in range(count)],
        first=[NAMES[number] for number in season.first],
        second=[NAMES[number] for number in season.second],
        score=season.score,
        played_at=[*season.played_at],
        weight=[1.0] * count,
        neutral=[False] * count,
        first_score=[None] * count,
        second_score=[None] * count,
        context=[None] * count,
    )
    record_batch(database, caller, LEAGUE, matches)
    request_refit(database, caller, LEAGUE)
    run_next_refit(database, "demo", league=LEAGUE)
    return get_league(database, caller, LEAGUE)
