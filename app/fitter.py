"""The child in which fits are computed (`python -m app.fitter`), started and fed by `services.fit_process`.

A fit is asked for by a line on standard input; stages and the fit are answered on standard output. The end of standard input ends it, also in the
middle of a fit. What a fit is, is decided in `services.fit_work`.
"""

# ruff: noqa: E402 (BLAS reads its variables once, when NumPy is imported)
import json
import os
import queue
import resource
import signal
import threading
import traceback
from typing import IO, Any

from app.threads import use_one_numeric_thread

use_one_numeric_thread()

from app.services.conditions import Conditions
from app.services.fit_process import answer_of
from app.services.fit_work import compute_fit
from app.storage.unit_of_work import Database


def main() -> None:
    """Serve one fit after the other until standard input ends."""
    # What is asked of the worker's whole group is for the worker to decide; this process ends with its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    # Whatever else would print goes where the log goes.
    os.dup2(2, 1)
    asked: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=[asked], name="parent-watch", daemon=True).start()
    while True:
        _serve(json.loads(asked.get()), out)


def _listen(asked: "queue.Queue[bytes]") -> None:
    with os.fdopen(0, "rb", closefd=False) as lines:
        for line in lines:
            asked.put(line)
    os._exit(0)


def _serve(job: dict[str, Any], out: IO[bytes]) -> None:
    # By the kernel, for the case that nobody is left to end a fit that holds the interpreter.
    signal.alarm(job["seconds"])
    database = Database.open(job["url"], pool_size=1)
    try:
        limit_memory(job["memory_mb"])
        work = compute_fit(database, job["league_id"], lambda stage: _say(out, {"stage": stage}), Conditions.stored(job["conditions"]))
        for part in answer_of(work):
            out.write(part)
        out.flush()
    except MemoryError:
        limit_memory(None)
        _say(out, {"failed": "memory"})
    except BrokenPipeError:
        # Whoever asked is gone, as standard input will say: there is nobody to tell.
        return
    except Exception as error:  # noqa: BLE001  told to the parent, which raises it
        _say(out, {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
    finally:
        signal.alarm(0)
        database.close()


def limit_memory(megabytes: int | None) -> None:
    """Bound what this process may have of its own, mapped files aside; where the system knows no such bound, nothing happens."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if megabytes is None else megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    out.write(json.dumps(message).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
