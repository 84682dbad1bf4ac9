"""Ways to the same numbers: ours, and those of other libraries with their conventions undone.

Each takes integer columns and returns natural units by competitor (points, for Elo), with all its preparation inside. What is imported is imported
when the way is made, so that loading a library is not measured.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np

from app.ratings import bootstrap, bradley_terry, elo, folds
from tests.benchmarks.inputs import Games

K, INITIAL = 32.0, 1500.0
REPLICATES = 500
FEW_REPLICATES, MORE_REPLICATES = 5, 25
ARENA_UNIT = 400.0 / math.log(10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Strengths by competitor, their standard errors where they were asked for, and what else is worth a word."""

    values: np.ndarray
    note: str = ""
    errors: np.ndarray = field(default_factory=lambda: np.zeros(0))
    ties: float | None = None
    """Davidson's ν, where draws are a third outcome."""
    seconds: float | None = None
    """Of the whole, where only a part was run."""


Way = Callable[[Games], Answer]


def our_fit(prior_sd: float | None = None, *, errors: bool = False) -> Way:
    def way(games: Games) -> Answer:
        fit = bradley_terry(games.first, games.second, games.score, n_competitors=games.n, prior_sd=prior_sd)
        note = f"{fit.certificate.status}, {fit.certificate.iterations} steps"
        if not errors:
            return Answer(fit.theta, note)
        accuracy = f", errors within {fit.standard_error_accuracy:.1%}" if fit.approximate else ""
        return Answer(fit.theta, note + accuracy, fit.standard_error)

    return way


def our_ties() -> Way:
    def way(games: Games) -> Answer:
        fit = bradley_terry(games.first, games.second, games.score, n_competitors=games.n, draws="davidson", prior_sd=None)
        return Answer(fit.theta, f"{fit.certificate.status}, {fit.certificate.iterations} steps", ties=fit.tie_parameter)

    return way


def evalica_fit(limit: int = 100) -> Way:
    """Its scores are e^θ, sorted by score; a tie counts its weight, ½, for both; it stops at `limit` steps without a word.

    An index of the integers and winners as bytes are the fastest that it takes, 14 times faster than what its pages show (`evalica_plain`).
    """
    import evalica
    import pandas as pd

    def way(games: Games) -> Answer:
        index = pd.Index(np.arange(games.n))
        found = evalica.bradley_terry(games.first, games.second, _winners(games), index=index, limit=limit)
        return Answer(np.log(found.scores.reindex(index).to_numpy()), _steps(found.iterations, limit))

    return way


def evalica_plain(limit: int = 100) -> Way:
    """As its pages show it: lists, members of its enumeration, and no index."""
    import evalica

    def way(games: Games) -> Answer:
        found = evalica.bradley_terry(*_lists(games), limit=limit)
        return Answer(np.log(found.scores.reindex(range(games.n)).to_numpy()), _steps(found.iterations, limit))

    return way


def _lists(games: Games) -> tuple[list, list, list]:
    from evalica import Winner

    members = [Winner.Draw, Winner.X, Winner.Y]
    return games.first.tolist(), games.second.tolist(), [members[code] for code in _winners(games).tolist()]


def evalica_newman(limit: int = 100, tolerance: float = 1e-6) -> Way:
    """Newman's ties are Davidson's with half his ν."""
    import evalica
    import pandas as pd

    def way(games: Games) -> Answer:
        index = pd.Index(np.arange(games.n))
        found = evalica.newman(games.first, games.second, _winners(games), index=index, limit=limit, tolerance=tolerance)
        theta = np.log(found.scores.reindex(index).to_numpy())
        return Answer(theta, _steps(found.iterations, limit), ties=2.0 * found.v)

    return way


def _steps(iterations: int, limit: int) -> str:
    return f"{iterations} steps" if iterations < limit else f"not converged in {limit:,} steps"


def _winners(games: Games) -> np.ndarray:
    """Draw, first, second as 0, 1, 2."""
    return (games.score == 1.0) + np.uint8(2) * (games.score == 0.0)


def _decided(games: Games) -> tuple[np.ndarray, np.ndarray]:
    """Winners and losers, where a library knows no draw and there is none."""
    if not np.isin(games.score, (0.0, 1.0)).all():
        raise ValueError("there are draws")
    won = games.score == 1.0
    return np.where(won, games.first, games.second), np.where(won, games.second, games.first)


def choix_rows() -> Way:
    """A list of (winner, loser), which it walks through in Python at every step."""
    import choix

    return lambda games: Answer(choix.ilsr_pairwise(games.n, _won_and_lost(games)))


def choix_opt() -> Way:
    """SciPy's Newton-CG on the same list, without a penalty."""
    import choix

    return lambda games: Answer(choix.opt_pairwise(games.n, _won_and_lost(games), alpha=0.0, method="Newton-CG"))


def _won_and_lost(games: Games) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in _decided(games)), strict=True))


def choix_dense() -> Way:
    """A matrix of wins, row over column."""
    import choix

    def way(games: Games) -> Answer:
        winners, losers = _decided(games)
        wins = np.bincount(winners * games.n + losers, minlength=games.n**2).reshape(games.n, games.n)
        return Answer(choix.ilsr_pairwise_dense(wins.astype(np.float64)))

    return way


def scikit_learn() -> Way:
    """A row e_first − e_second per match; C = ∞ is no penalty. Its tolerance is on the gradient of the mean loss."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    def way(games: Games) -> Answer:
        _decided(games)
        m = len(games.score)
        columns = np.column_stack([games.first, games.second]).ravel()
        rows = sparse.csr_matrix((np.tile([1.0, -1.0], m), columns, np.arange(0, 2 * m + 1, 2)), shape=(m, games.n))
        model = LogisticRegression(C=np.inf, fit_intercept=False, solver="lbfgs", tol=1e-6, max_iter=1_000)
        model.fit(rows, games.score == 1.0)
        return Answer(model.coef_[0], f"{model.n_iter_[0]} steps")

    return way


def arena_rank(*, errors: bool) -> Way:
    """Points around 1000 of base 10 and scale 400; its competitors are those who played, sorted; the sandwich inverts a dense matrix."""
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    def way(games: Games) -> Answer:
        frame = pd.DataFrame({"model_a": games.first, "model_b": games.second, "winner": games.score})
        dataset = PairDataset.from_pandas(frame, outcome_map=float)
        model = BradleyTerry(len(dataset.competitors))
        values, deviations = np.zeros(games.n), np.full(games.n, np.nan)
        if errors:
            found = model.compute_ratings_and_cis(dataset, ci_method="sandwich")
            deviations[dataset.competitors] = np.sqrt(np.asarray(found["variances"])) / ARENA_UNIT
        else:
            model.fit(dataset)
        values[dataset.competitors] = np.asarray(model.params["ratings"])
        return Answer(values, "", deviations)

    return way


def arena_rank_bootstrap() -> Way:
    """A pool of as many processes as there are cores. Two short runs tell what starting it takes, and what a replicate takes."""
    import multiprocessing

    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    def run(dataset: PairDataset, replicates: int) -> tuple[float, dict]:
        began = time.perf_counter()
        found = BradleyTerry(len(dataset.competitors)).compute_ratings_and_cis(dataset, ci_method="bootstrap", num_bootstrap=replicates)
        return time.perf_counter() - began, found

    def way(games: Games) -> Answer:
        dataset = PairDataset.from_pandas(pd.DataFrame({"model_a": games.first, "model_b": games.second, "winner": games.score}), outcome_map=float)
        (few, _), (more, found) = run(dataset, FEW_REPLICATES), run(dataset, MORE_REPLICATES)
        each = (more - few) / (MORE_REPLICATES - FEW_REPLICATES)
        note = f"{MORE_REPLICATES} replicates took {more:.1f} s, {each:.2f} s each without the start: {REPLICATES} are extrapolated"
        values = (np.asarray(found["ratings"]) - 1000.0) / ARENA_UNIT
        return Answer(values, note, np.sqrt(np.asarray(found["variances"])) / ARENA_UNIT, seconds=more + (REPLICATES - MORE_REPLICATES) * each)

    multiprocessing.set_start_method("spawn", force=True)  # its pool would fork the threads of JAX, which can hang
    return way


def our_bootstrap() -> Way:
    def way(games: Games) -> Answer:
        found = bootstrap(games.first, games.second, games.score, n_competitors=games.n, prior_sd=None, replicates=REPLICATES)
        return Answer(np.nanmean(found.theta, axis=0), found.reason or f"{REPLICATES} replicates", found.standard_error)

    return way


def evalica_bootstrap(*, plain: bool = False) -> Way:
    """Percentiles as ours (its default, BCa, adds a jackknife); errors are of ln(score), centred per replicate."""
    import evalica
    import pandas as pd

    def way(games: Games) -> Answer:
        index = pd.Index(np.arange(games.n))
        columns = _lists(games) if plain else (games.first, games.second, _winners(games))
        options = {} if plain else {"index": index}
        found = evalica.bootstrap(evalica.bradley_terry, *columns, n_resamples=REPLICATES, bootstrap_method="percentile", random_state=0, **options)
        theta = np.log(found.distribution.reindex(columns=index).to_numpy())
        theta -= theta.mean(axis=1, keepdims=True)
        return Answer(theta.mean(axis=0), f"{REPLICATES} replicates", theta.std(axis=0, ddof=1))

    return way


def our_elo(*, compiled: bool) -> Way:
    if compiled and folds.machine_fold() is None:
        raise ImportError("numba")

    def way(games: Games) -> Answer:
        return Answer(elo(games.first, games.second, games.score, k=K, initial=INITIAL, n_competitors=games.n).rating)

    def plain(games: Games) -> Answer:
        with patch.object(folds, "machine_fold", lambda: None):
            return way(games)

    return way if compiled else plain


def evalica_elo() -> Way:
    """Its K is 4 and its start 1000 unless told; it returns ratings alone."""
    import evalica
    import pandas as pd

    def way(games: Games) -> Answer:
        index = pd.Index(np.arange(games.n))
        found = evalica.elo(games.first, games.second, _winners(games), index=index, initial=INITIAL, k=K)
        return Answer(found.scores.reindex(index).to_numpy(), "ratings alone")

    return way


def evalica_plain_elo() -> Way:
    """As its pages show it."""
    import evalica

    def way(games: Games) -> Answer:
        found = evalica.elo(*_lists(games), initial=INITIAL, k=K)
        return Answer(found.scores.reindex(range(games.n), fill_value=INITIAL).to_numpy(), "ratings alone")

    return way


def riix_elo() -> Way:
    """One rating period, updated match by match."""
    from riix.models.elo import Elo

    def way(games: Games) -> Answer:
        system = Elo(list(range(games.n)), initial_rating=INITIAL, k=K)
        system.fit_batch(np.column_stack([games.first, games.second]), games.score)
        return Answer(system.ratings, "ratings alone")

    return way


def loop_elo() -> Way:
    def way(games: Games) -> Answer:
        ratings = [INITIAL] * games.n
        for i, j, score in zip(games.first.tolist(), games.second.tolist(), games.score.tolist(), strict=True):
            step = K * (score - 1.0 / (1.0 + 10.0 ** ((ratings[j] - ratings[i]) / 400.0)))
            ratings[i] += step
            ratings[j] -= step
        return Answer(np.array(ratings), "ratings alone")

    return way


WAYS: dict[str, Callable[[], Way]] = {
    "Arpad": our_fit,
    "Arpad, prior 2": lambda: our_fit(2.0),
    "Arpad with intervals": lambda: our_fit(errors=True),
    "Arpad, prior 2, with intervals": lambda: our_fit(2.0, errors=True),
    "evalica": evalica_fit,
    "evalica, as its pages show": evalica_plain,
    "Arpad Davidson": our_ties,
    "evalica newman": evalica_newman,
    "evalica newman, tolerance 1e-12": lambda: evalica_newman(100_000, 1e-12),
    "choix ilsr_pairwise": choix_rows,
    "choix ilsr_pairwise_dense": choix_dense,
    "choix opt_pairwise": choix_opt,
    "scikit-learn lbfgs": scikit_learn,
    "arena-rank": lambda: arena_rank(errors=False),
    "arena-rank with intervals": lambda: arena_rank(errors=True),
    "Arpad Elo, compiled": lambda: our_elo(compiled=True),
    "Arpad Elo, plain": lambda: our_elo(compiled=False),
    "evalica Elo": evalica_elo,
    "evalica Elo, as its pages show": evalica_plain_elo,
    "riix Elo": riix_elo,
    "a plain loop": loop_elo,
    "Arpad bootstrap": our_bootstrap,
    "evalica bootstrap": evalica_bootstrap,
    "evalica bootstrap, as its pages show": lambda: evalica_bootstrap(plain=True),
    "arena-rank bootstrap": arena_rank_bootstrap,
}
