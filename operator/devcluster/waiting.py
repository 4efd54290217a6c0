"""Wait for a condition of the outside world."""

import time
from collections.abc import Callable

from devcluster.errors import DevclusterError

#: seconds between looks
STEP = 0.03


def until(
    condition: Callable[[], object], what: str, timeout: float, *, still: Callable[[], None] | None = None
) -> None:
    """Return once `condition()` is true; raises DevclusterError naming `what` after `timeout` seconds.

    An OSError of `condition` means "not yet".  `still` runs between looks and may raise to give up early.
    """
    deadline = time.monotonic() + timeout
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
        if time.monotonic() > deadline:
            raise DevclusterError(f"{what}: not within {timeout:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(STEP)
