"""A month of releases that was made up, and its DORA figures, counted while it was made up: not from the records."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from ninefold.kube.fields import rfc3339

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=30)


@dataclass
class Known:
    """What is true of the month, in the words of docs/metrics.md."""

    deployments: int = 0
    failed: int = 0
    rolled_out: int = 0
    rework: int = 0
    lead_times: list[float] = field(default_factory=list)
    restores: list[float] = field(default_factory=list)

    @property
    def lead_time(self) -> float | None:
        return median(self.lead_times) if self.lead_times else None

    @property
    def restore(self) -> float | None:
        return median(self.restores) if self.restores else None


class Month:
    """Workloads of one service whose releases follow each other at random."""

    def __init__(self, seed: int, workloads: int = 3) -> None:
        self._random = random.Random(seed)
        self.known = Known()
        self.records: list[dict[str, Any]] = []
        for number in range(workloads):
            self._live(f"web-{number}")

    def _live(self, workload: str) -> None:
        # The first release is the beginning of the records.
        clock = self._good(workload, 1, BEGIN)
        sequence = 2
        while True:
            clock += timedelta(seconds=self._random.randint(600, 86_400))
            if clock > END - timedelta(hours=12):
                return
            story = self._random.choices(
                [self._happy, self._superseded, self._rolled_back, self._aborted, self._suspected, self._in_vain],
                [6, 1, 2, 1, 1, 1],
            )[0]
            clock, sequence = story(workload, sequence, clock)

    def _happy(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        return self._good(workload, sequence, clock), sequence + 1

    def _good(self, workload: str, sequence: int, clock: datetime) -> datetime:
        took = self._took()
        committed = self._commit(clock, took)
        self.known.deployments += 1
        self.known.rolled_out += 1
        return self._write(workload, sequence, clock, took, "Succeeded", committed=committed)

    def _superseded(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        """Counts for nothing: the next one takes its place at once."""
        took = self._took()
        clock = self._write(workload, sequence, clock, took, "Superseded")
        return self._good(workload, sequence + 1, clock), sequence + 2

    def _rolled_back(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        took, noticed, back = self._took(), self._took(), self._took()
        committed = self._commit(clock, took)
        end = self._write(workload, sequence, clock, took, "RolledBack", committed=committed)
        end = self._write(workload, sequence + 1, end + noticed, back, "Succeeded", rollback=True)
        self.known.deployments += 1
        self.known.failed += 1
        self.known.rolled_out += 2
        self.known.rework += 1
        self.known.restores.append((took + noticed + back).total_seconds())
        return end, sequence + 2

    def _aborted(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        """Mended by the next release."""
        took, wait, fix = self._took(), self._took(), self._took()
        end = self._write(workload, sequence, clock, took, "Aborted", committed=clock - timedelta(days=400))
        return self._fix(workload, sequence + 1, end + wait, fix, took + wait + fix)

    def _suspected(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        """Nobody rolled it back, but the budget burned."""
        took, wait, fix = self._took(), self._took(), self._took()
        committed = self._commit(clock, took)
        suspicion = self._random.choice(["0.50", "0.83", "1.00"])
        end = self._write(workload, sequence, clock, took, "Succeeded", committed=committed, suspicion=suspicion)
        return self._fix(workload, sequence + 1, end + wait, fix, took + wait + fix)

    def _in_vain(self, workload: str, sequence: int, clock: datetime) -> tuple[datetime, int]:
        """A fix that fails as well, one that is overtaken, and one that helps: both failures last until then."""
        first, second, overtaken, wait, fix = (self._took() for _ in range(5))
        end = self._write(workload, sequence, clock, first, "Aborted")
        end = self._write(workload, sequence + 1, end, second, "Succeeded", suspicion="0.90")
        end = self._write(workload, sequence + 2, end, overtaken, "Superseded")
        self.known.deployments += 1
        self.known.failed += 1
        self.known.rolled_out += 1
        self.known.rework += 1
        self.known.restores.append((first + second + overtaken + wait + fix).total_seconds())
        return self._fix(workload, sequence + 3, end + wait, fix, second + overtaken + wait + fix)

    def _fix(
        self, workload: str, sequence: int, clock: datetime, took: timedelta, since: timedelta
    ) -> tuple[datetime, int]:
        """The release that mends the last one, `since` whose start it is over."""
        committed = self._commit(clock, took)
        end = self._write(workload, sequence, clock, took, "Succeeded", committed=committed)
        self.known.deployments += 2
        self.known.failed += 1
        self.known.rolled_out += 2
        self.known.rework += 1
        self.known.restores.append(since.total_seconds())
        return end, sequence + 1

    def _took(self) -> timedelta:
        return timedelta(seconds=self._random.randint(5, 3_000))

    def _commit(self, start: datetime, took: timedelta) -> datetime | None:
        """The commit of a release that is rolled out; of every third it is not known."""
        if self._random.random() < 1 / 3:
            return None
        before = timedelta(seconds=self._random.randint(60, 500_000))
        self.known.lead_times.append((before + took).total_seconds())
        return start - before

    def _write(
        self,
        workload: str,
        sequence: int,
        start: datetime,
        took: timedelta,
        outcome: str,
        *,
        committed: datetime | None = None,
        suspicion: str | None = None,
        rollback: bool = False,
    ) -> datetime:
        """Adds the record; when it ended."""
        calm = self._random.choice(["0.00", "0.12", "0.49", "Unknown"])
        self.records.append(
            {
                "metadata": {
                    "namespace": "shop",
                    "name": f"{workload}-{sequence}",
                    "creationTimestamp": rfc3339(start),
                },
                "spec": {
                    "workload": {"kind": "Deployment", "name": workload},
                    "sequence": sequence,
                    "service": "web",
                    "team": "shop",
                    **({"change": {"commitTime": rfc3339(committed)}} if committed else {}),
                    **({"rollsBackTo": f"{workload}-1"} if rollback else {}),
                },
                "status": {
                    "outcome": outcome,
                    "start": rfc3339(start),
                    "end": rfc3339(start + took),
                    "suspicion": suspicion or calm,
                },
            }
        )
        return start + took
