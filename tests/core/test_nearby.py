"""The covariance among a few, from neighbourhoods, against exact solves: on leagues of every kind that a fit can be of."""

import numpy as np
import pytest

from app.core import inference
from app.core.nearby import Nearby, can_be_near
from app.core.spreads import pair_spreads, pair_variances
from app.ratings import bradley_terry

N = 400
KINDS = {
    "decisive": {},
    "half-win draws, robust with a floor": {"drawn": True},
    "robust": {"drawn": True, "covariance": "robust"},
    "side": {"side": True},
    "davidson": {"drawn": True, "draws": "davidson"},
    "davidson with a side": {"drawn": True, "draws": "davidson", "side": True},
    "two divisions that hardly meet": {"divisions": True},
    "a ladder": {"ladder": True},
    "an island beside": {"island": True},
    "an island beside, side": {"island": True, "side": True},
    "no prior": {"prior_sd": None, "matches": 12_000},
    "one whom everybody has met": {"hub": True, "matches": 1_200},
    "one whom everybody has met, robust": {"hub": True, "matches": 1_200, "drawn": True, "covariance": "robust"},
    "everybody met everybody": {"matches": 300_000},
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(autouse=True)
def _large(monkeypatch):
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)


def fitted(drawn=False, side=False, divisions=False, ladder=False, island=False, hub=False, matches=4_000, **options):
    generator = np.random.default_rng(7)
    first = generator.integers(0, N, matches)
    step = generator.integers(1, 3 if ladder else N, matches)
    second = first + step
    if ladder:
        kept = second < N
    elif divisions:
        second = (first + step) % N
        kept = (first < N // 2) == (second < N // 2)
        kept[:3] = True
    else:
        second = (first + step) % N
        kept = np.ones(matches, dtype=bool)
    if hub:
        first, second, kept = np.append(first, np.zeros(N - 1, dtype=int)), np.append(second, np.arange(1, N)), np.ones(matches + N - 1, dtype=bool)
    if island:
        kept &= (first < 40) == (second < 40)
    first, second = first[kept], second[kept]
    strength = generator.normal(0.0, 1.0, N)
    chance = 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    score = (generator.random(len(first)) < chance).astype(float)
    if drawn:
        score[generator.random(len(first)) < 0.25] = 0.5
    return bradley_terry(first, second, score, n_competitors=N, side=np.ones(len(first)) if side else None, **options)


def relative_error(found, exact):
    apart = ~np.eye(len(found), dtype=bool)
    return np.abs(np.sqrt(found[apart] / exact[apart]) - 1.0).max()


@every_kind
def test_differences_are_those_of_exact_solves(kind):
    fit = fitted(**kind)
    of = fit.uncertainty
    assert can_be_near(of)
    members = np.flatnonzero(fit.components == 0)
    chosen = np.random.default_rng(1).choice(members, 30, replace=False).tolist()
    found, exact = pair_variances(Nearby(of), chosen), pair_variances(of, chosen)
    assert relative_error(found, exact) < (5e-4 if of.covariance == "model" else 2e-3)
    if of.covariance == "model":
        assert (found <= exact * (1.0 + 1e-9)).all()


@every_kind
def test_one_pair_is_as_many_and_either_way_round(kind):
    fit = fitted(**kind)
    near, members = Nearby(fit.uncertainty), np.flatnonzero(fit.components == 0)
    chosen = members[[3, 50, 77, 120]].tolist()
    matrix = pair_variances(near, chosen)
    for i, j in ((0, 1), (2, 3), (1, 3)):
        forth, back = (
            Nearby(fit.uncertainty).contrasts(pair, np.array([[1.0], [-1.0]]))[0, 0] for pair in ([chosen[i], chosen[j]], [chosen[j], chosen[i]])
        )
        assert forth == back
        assert forth == pytest.approx(matrix[i, j], rel=1e-9)


@pytest.mark.parametrize("kind", [KINDS["davidson"], KINDS["davidson with a side"]], ids=["davidson", "with a side"])
def test_with_coefficients(kind):
    fit = fitted(**kind)
    of, chosen = fit.uncertainty, [5, 17, 200]
    found, exact = pair_spreads(Nearby(of), chosen), pair_spreads(of, chosen)
    assert np.abs(found - exact).max() < 2e-3 * exact[:, :, 0, 0].max()
    assert found[0, 1, 1, 1] == pytest.approx(exact[0, 1, 1, 1], rel=2e-3)
    indices, values = [5, 17, of.width - 1], np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    assert Nearby(of).contrasts(indices, values) == pytest.approx(of.contrasts(indices, values), rel=2e-3, abs=1e-5)


@every_kind
def test_the_joint_covariance_has_the_same_differences(kind):
    fit = fitted(**kind)
    of, members = fit.uncertainty, np.flatnonzero(fit.components == 0)
    chosen = members[10:20].tolist()
    found, exact = (inference.differences_of(each.joint(chosen)) for each in (Nearby(of), of))
    # A floor holds for the joint covariance as a whole, and is then of what is common to all, too.
    assert relative_error(found, exact) < (5e-4 if of.covariance == "model" else 2e-2)


def test_in_a_small_island():
    fit = fitted(island=True)
    of, members = fit.uncertainty, np.flatnonzero(fit.components == 1)
    assert 10 < len(members) <= 40
    chosen = members[:5].tolist()
    assert pair_variances(Nearby(of), chosen) == pytest.approx(pair_variances(of, chosen), rel=1e-6)


def test_columns_are_kept_up_to_a_bound(monkeypatch):
    monkeypatch.setattr("app.core.nearby.KEPT_NUMBERS", 900)
    fit = fitted()
    near = Nearby(fit.uncertainty)
    before = pair_variances(near, [1, 2, 3, 4])
    pair_variances(near, [5, 6, 7, 8])
    assert near._numbers <= 900
    assert (pair_variances(near, [1, 2, 3, 4]) == before).all()
