"""How much there is to compile, how far it is, and how long the rest takes at this pace."""

import time
from dataclasses import dataclass, field

#: packages that linking one program takes the time of
LINK = 40
#: seconds of work before it is told how long the rest takes
EARLY = 10.0


@dataclass
class Work:
    """Packages to compile and programs to link, over one build or several."""

    total: int
    done: int = 0
    spent: float = 0.0
    """Seconds of work, without those in which somebody else's was waited for."""
    _since: float | None = field(default=None, repr=False)

    def begin(self) -> None:
        """From now on time is spent."""
        self._since = time.monotonic()

    def end(self, done: int) -> None:
        """What was begun has ended; `done` is what there is now, whatever was counted meanwhile."""
        self.spent = self._seconds()
        self._since = None
        self.done = done

    def told(self) -> str:
        """Such as "1204 of 5830 packages, some 7 min left"."""
        if not self.total:
            return "compiling"
        done = min(self.done, self.total)
        said = f"{done} of {self.total} packages"
        seconds = self._seconds()
        if done and seconds >= EARLY:
            said += f", some {_rough(seconds / done * (self.total - done))} left"
        return said

    def _seconds(self) -> float:
        return self.spent + (time.monotonic() - self._since if self._since is not None else 0.0)


def _rough(seconds: float) -> str:
    """To ten seconds below two minutes, else to a minute."""
    return f"{max(10, round(seconds / 10) * 10)} s" if seconds < 115 else f"{round(seconds / 60)} min"
