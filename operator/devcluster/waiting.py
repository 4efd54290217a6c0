"""Wait for a condition of the outside world, with more patience on a busy machine."""

import os
import time
from collections.abc import Callable

from devcluster.errors import DevclusterError

#: seconds between looks
STEP = 0.03


def patient(seconds: float) -> float:
    """The bound for something that takes less than `seconds` on an idle machine, given what this one does now.

    NINEFOLD_PATIENCE sets the least factor, for a machine whose load does not show how slow it is.
    """
    processors = len(os.sched_getaffinity(0))
    return seconds * max(float(os.environ.get("NINEFOLD_PATIENCE") or 1), 1 + os.getloadavg()[0] / processors)


def until(
    condition: Callable[[], object], what: str, timeout: float, *, still: Callable[[], None] | None = None
) -> None:
    """Return once `condition()` is true; raises DevclusterError naming `what` after `patient(timeout)` seconds.

    An OSError of `condition` means "not yet".  `still` runs between looks and may raise to give up early.
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
