"""An event that is never waited for, and remembers for how long it should have been: what a loop asks for, whatever the machine is busy with."""

import threading


class Waits(threading.Event):
    """`asked`: the seconds of every wait. It is set after the last of `count`, if that is given."""

    def __init__(self, count: int | None = None) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self._count = count

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        if len(self.asked) == self._count:
            self.set()
        return self.is_set()
