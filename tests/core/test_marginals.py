"""How many slow modes are looked for: few where many opponents each leave no more, all of them where groups hardly meet."""

import numpy as np
import pytest

from app.core import marginals
from app.core.designs import PairDesign
from app.core.grams import PairGram
from app.core.marginals import MODES, counting_modes, estimated_sandwich, estimated_variances, slow_modes

N = 800


def league(groups: int, games: int, across: float = 0.0, seed: int = 3) -> PairGram:
    """So many games among N in groups, of which a share is played across them."""
    generator, size = np.random.default_rng(seed), N // groups
    first = generator.integers(0, N, games)
    inside = first // size * size + (first % size + generator.integers(1, size, games)) % size
    anyone = (first + generator.integers(1, N, games)) % N
    second = np.where(generator.random(games) < across, anyone, inside)
    design = PairDesign(np.minimum(first, second), np.maximum(first, second), N)
    return design.gram(0.25 * generator.uniform(0.5, 1.0, games)).plus_diagonal(np.full(N, 0.25))


def test_among_many_opponents_two_are_enough_and_say_the_same():
    gram = league(1, 80_000)
    few, all_of_them = counting_modes(gram), slow_modes(gram)
    assert len(few.values) == marginals.FEW_MODES
    assert len(all_of_them.values) == MODES
    assert estimated_variances(gram, few) == pytest.approx(estimated_variances(gram, all_of_them), rel=1e-3)
    assert estimated_sandwich(gram, gram, few) == pytest.approx(estimated_sandwich(gram, gram, all_of_them), rel=1e-3)
    assert estimated_variances(gram, few) == pytest.approx(np.linalg.inv(gram.toarray()).diagonal(), rel=1e-2)


@pytest.mark.parametrize(("groups", "games", "across"), [(4, 80_000, 0.01), (1, 4_000, 0.0)], ids=["groups that hardly meet", "few opponents"])
def test_where_more_are_slow_all_of_them_are_looked_for(groups, games, across):
    assert len(counting_modes(league(groups, games, across)).values) == MODES
