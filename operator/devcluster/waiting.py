"""Wait for an external condition, longer on a busy machine."""

import os
import time
from collections.abc import Callable

from devcluster.errors import DevclusterError

#: seconds between checks
STEP = 0.03


def patient(seconds: float) -> float:
    """The time limit of an operation that takes less than `seconds` on an idle machine, at the present load.

    NINEFOLD_PATIENCE sets the least factor, for a machine that is slower than its load shows.
    """
    processors = len(os.sched_getaffinity(0))
    return seconds * max(float(os.environ.get("NINEFOLD_PATIENCE") or 1), 1 + os.getloadavg()[0] / processors)


def until(
    condition: Callable[[], object], what: str, timeout: float, *, still: Callable[[], None] | None = None
) -> None:
    """Return once `condition()` is true; raises DevclusterError naming `what` after `patient(timeout)` seconds.

    An OSError of `condition` means "not yet".  `still` runs between checks and may raise to stop early.
    """
    began = time.monotonic()
    last: OSError | None = None
    while True:
        try:
            if condition():
                return
            last = None
        except OSError as error:
            last = error
        if still:
            still()
        waited = time.monotonic() - began
        # The load may have risen since the wait began.
        if waited > patient(timeout):
            raise DevclusterError(f"{what}: not within {waited:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(STEP)
