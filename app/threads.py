"""How many threads the linear algebra may use: one, everywhere, so that a fit's bytes do not depend on the machine's cores.

Leaves everything else alone, and must run before NumPy is imported: BLAS reads these variables once. Hence no imports but `os`.
"""

import os

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_numeric_thread() -> None:
    """Ask BLAS of this process, and of its children, for one thread."""
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
