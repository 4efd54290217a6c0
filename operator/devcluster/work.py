"""The amount of work to compile, its progress, and the remaining time at this pace."""

import time
from dataclasses import dataclass, field

#: linking one program takes the time of this many packages
LINK = 40
#: seconds of work before the remaining time is shown
EARLY = 10.0


@dataclass
class Work:
    """Packages to compile and programs to link, over one build or several."""

    total: int
    done: int = 0
    spent: float = 0.0
    """Seconds of work, without the time spent waiting for another process."""
    _since: float | None = field(default=None, repr=False)

    def begin(self) -> None:
        """Start counting time."""
        self._since = time.monotonic()

    def end(self, done: int) -> None:
        """Stop counting time; `done` replaces the count of finished packages."""
        self.spent = self._seconds()
        self._since = None
        self.done = done

    def progress(self) -> str:
        """The progress, such as "1204 of 5830 packages, some 7 min left"."""
        if not self.total:
            return "compiling"
        done = min(self.done, self.total)
        text = f"{done} of {self.total} packages"
        seconds = self._seconds()
        if done and seconds >= EARLY:
            text += f", some {_rough(seconds / done * (self.total - done))} left"
        return text

    def _seconds(self) -> float:
        return self.spent + (time.monotonic() - self._since if self._since is not None else 0.0)


def _rough(seconds: float) -> str:
    """Rounded to ten seconds below two minutes, otherwise to a minute."""
    return f"{max(10, round(seconds / 10) * 10)} s" if seconds < 115 else f"{round(seconds / 60)} min"
