"""Replicates that have a maximum are found all at once as they would be one by one."""

import numpy as np
import pytest

from app.core.identifiability import identify
from app.core.replicates import are_joined


def _meetings(seed, competitors, pairs, groups):
    """Pairs within groups, of which none is met twice, and who took points in each of 40 replicates."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, competitors, 4 * pairs)
    second = (first + groups * rng.integers(1, competitors // groups, 4 * pairs)) % competitors
    first, second = np.unique(np.sort(np.column_stack([first, second]), axis=1), axis=0)[:pairs].T
    return first, second, *(rng.random((40, len(first))) < share for share in (0.7, 0.6))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("competitors", "pairs"), [(6, 9), (12, 40), (20, 60), (30, 400)])
def test_a_replicate_is_joined_where_every_component_is_one_class(competitors, pairs, groups):
    first, second, first_took, second_took = _meetings(competitors, competitors, pairs, groups)
    everybody = np.ones(len(first), dtype=bool)
    structure = identify(first, second, everybody, everybody, competitors)
    alone = [identify(first, second, *took, competitors).n_classes == structure.n_components for took in zip(first_took, second_took, strict=True)]
    assert are_joined(first, second, first_took, second_took, structure.components).tolist() == alone


def test_a_long_cycle_is_joined_and_a_chain_is_not():
    first, second = np.arange(50), np.roll(np.arange(50), -1)
    one_way, never = np.ones((2, 50), dtype=bool), np.zeros((2, 50), dtype=bool)
    one_way[1, 17] = False
    assert are_joined(first, second, one_way, never, np.zeros(50, dtype=np.int64)).tolist() == [True, False]
