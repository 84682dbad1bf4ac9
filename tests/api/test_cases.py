"""The hard cases, asked over HTTP."""

from typing import Any

import httpx
import pytest

from app.services.refits import run_next_refit
from tests.api.site import Site, match
from tests.services.cases import CASES, Answer, elsewhere


class OverHttp:
    """A league of the running server."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.league = ""

    def begin(self, settings: dict[str, Any], matches: list[tuple[str, str, str]]) -> None:
        self.league = self.site.new_league(settings=settings)
        body = {"matches": [match(*each) for each in matches]}
        assert self.site.reporter.post(self._address("matches/batch"), json=body).status_code == 201

    def fit(self) -> Answer:
        asked = self.site.manager.post(self._address("fits"))
        run_next_refit(self.site.database, "tester", league=self.league)
        return dict(self.site.anonymous.get(asked.headers["location"]).json())

    def leaderboard(self, by: str) -> Answer:
        return self._get("leaderboard", by=by)

    def difference(self, first: str, second: str) -> Answer:
        return self._get("differences", first=first, second=second)

    def predict(self, first: str, second: str, by: str) -> Answer:
        return self._get("predictions", first=first, second=second, by=by)

    def bridges(self) -> Answer:
        return self._get("bridges")

    def drift(self) -> Answer:
        return self._get("drift")

    def suggest(self, goal: str) -> Answer:
        return self._get("suggestions", goal=goal)

    def simulate(self, competitors: list[str], by: str) -> Answer:
        body = {"format": "knock-out", "competitors": competitors, "by": by, "runs": 500}
        return self._answer(self.site.anonymous.post(self._address("predictions/simulate"), json=body))

    def _get(self, what: str, **query: str) -> Answer:
        return self._answer(self.site.anonymous.get(self._address(what), params=query))

    def _answer(self, response: httpx.Response) -> Answer:
        assert response.status_code < 500, response.text
        return dict(response.json())

    def _address(self, what: str) -> str:
        return f"/v1/leagues/{self.league}/{what}"


class OfASegmentOverHttp(OverHttp):
    """The case is what was played on clay; somebody with a key asks of that alone."""

    def begin(self, settings: dict[str, Any], matches: list[tuple[str, str, str]]) -> None:
        self.league = self.site.new_league(settings=settings)
        clay, hard = (
            [match(*each, context={"surface": surface}) for each in rows] for surface, rows in (("clay", matches), ("hard", elsewhere(matches)))
        )
        assert self.site.reporter.post(self._address("matches/batch"), json={"matches": [*hard, *clay]}).status_code == 201

    def fit(self) -> Answer:
        asked = self.site.manager.post(self._address("fits"), json={"where": {"surface": "clay"}})
        run_next_refit(self.site.database, "tester", league=self.league)
        return dict(self.site.reporter.get(asked.headers["location"]).json())

    def simulate(self, competitors: list[str], by: str) -> Answer:
        body = {"format": "knock-out", "competitors": competitors, "by": by, "runs": 500}
        return self._answer(self.site.reporter.post(self._address("predictions/simulate"), params={"where": "surface=clay"}, json=body))

    def _get(self, what: str, **query: str) -> Answer:
        found = self._answer(self.site.reporter.get(self._address(what), params={**query, "where": "surface=clay"}))
        assert found.get("where") == (None if "type" in found else {"surface": "clay"})
        return found


@pytest.mark.parametrize("asked", [OverHttp, OfASegmentOverHttp], ids=["the league", "a segment"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_said_of_the_case(site, case, asked):
    case(asked(site))
