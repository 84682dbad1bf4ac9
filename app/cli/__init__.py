"""The command line: `arpad …`, on the database directly, also beside a running server.

Commands parse, call one service and show its shape; what is said is decided in the services, how it looks in `output`. Whatever a command
needs is imported when it runs, so that `arpad --help` is there at once.
"""

import sys
from collections.abc import Sequence

from app.threads import use_one_numeric_thread


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    use_one_numeric_thread()
    from app.cli.application import run

    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
