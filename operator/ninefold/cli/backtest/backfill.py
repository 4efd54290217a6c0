"""The history of recordings as a file, and as Prometheus blocks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from ninefold.cli.shared.progress import Failed, Progress
from ninefold.reliability.backtest.backfill import Past

_BLOCKS = ("tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h")


def write(folder: Path, pasts: Iterable[Past], promtool: str | None, say: Progress) -> None:
    """Write the file, and run promtool on it or print the command that makes blocks. Raises Failed and OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file, blocks, written = folder / "recordings.om", folder / "blocks", 0
    with file.open("w", encoding="utf-8") as out:
        for past in pasts:
            out.writelines(past.openmetrics())
            written += past.count
        out.write("# EOF\n")
    say.note(f"wrote {written:,} samples into {file}")
    command = [*_BLOCKS, str(file), str(blocks)]
    if promtool is None:
        say.note(f"make blocks of them: promtool {' '.join(command)}")
    else:
        _call([promtool, *command])
    say.note(f"then move the content of {blocks} into the data directory of Prometheus")


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user names it
    except OSError as error:
        raise Failed(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
