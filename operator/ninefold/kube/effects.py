"""The life of an effect, from the records in a status: what to begin, what to keep, what came of an attempt. Pure.

    (no record) -> Running -> Succeeded
                   ^     |--> Failed       the attempts are used up, or another one can give nothing else
                   |     `--> Retrying -.
                   `--------------------'  when retryAt has come

A record is stored before its attempt begins and again when the attempt has an outcome. Who finds a record that is
Running, and no attempt in this process, knows that the process which began it ended: the attempt is made again, under
the same key and number. Whatever is not finished and is no longer planned becomes Withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.errors import EffectFailed, Stalled
from ninefold.kube.model import EffectRecord
from ninefold.kube.plan import Effect

PLANNED_MOST = 128
"""How many effects a plan may name; all their records are kept."""
KEPT_MOST = 128
KEPT_FOR = timedelta(days=7)
"""How many records of what is no longer planned are kept, and how long: a plan may waver."""
BACKOFF_MOST = timedelta(minutes=10)
_MESSAGE = 1024
UNKNOWN = "The attempt failed; the operator's log says why."


@dataclass(frozen=True, slots=True)
class Step:
    """What a look does about effects: the records to store and then the attempts to begin."""

    records: list[EffectRecord]
    begin: tuple[tuple[Effect, EffectRecord], ...] = ()
    due: datetime | None = None
    """When the next attempt is due."""


def settle(records: Iterable[EffectRecord], outcomes: Mapping[str, EffectRecord]) -> list[EffectRecord]:
    """The records with the outcomes of attempts that have ended since they were stored."""
    known = {record.key: record for record in records}
    return list({**known, **outcomes}.values())


def advance(
    records: Sequence[EffectRecord], planned: Iterable[Effect], running: Collection[str], now: datetime
) -> Step:
    """`running` are the keys of which an attempt goes on in this process. Raises Stalled if too many are planned."""
    wanted = {effect.key: effect for effect in planned}
    if len(wanted) > PLANNED_MOST:
        raise Stalled("TooManyEffects", f"{len(wanted)} acts are planned at once, more than {PLANNED_MOST}: split it")
    known = {record.key: record for record in records}
    begin = {}
    for key, effect in wanted.items():
        if key not in running and (attempt := _attempt(known.get(key), effect, now)):
            begin[key] = attempt
    kept = (_kept(record, wanted, running, now) for record in _recent(known.values(), wanted, now))
    waits = [known[key].retry_at for key in wanted if key in known and key not in begin]
    due = min((moment for moment in waits if moment is not None), default=None)
    return Step(settle(kept, begin), tuple((wanted[key], record) for key, record in begin.items()), due)


def succeeded(record: EffectRecord, message: str, now: datetime) -> EffectRecord:
    return _ended(record, "Succeeded", message, now)


def failed(record: EffectRecord, effect: Effect, error: EffectFailed, now: datetime) -> EffectRecord:
    """The record after an attempt that failed: to be repeated, unless the attempts are used up."""
    if error.final or record.attempts >= effect.attempts:
        return _ended(record, "Failed", error.message, now)
    delay = min(effect.backoff * 2.0 ** min(record.attempts - 1, 32), BACKOFF_MOST)
    wait = max(delay, timedelta(seconds=error.retry_after), timedelta(seconds=1))
    change = {"state": "Retrying", "retry_at": now + wait, "message": error.message[:_MESSAGE]}
    return record.model_copy(update=change)


def _attempt(record: EffectRecord | None, effect: Effect, now: datetime) -> EffectRecord | None:
    """The record of the attempt that is to begin now; None for none."""
    match record:
        case None:
            number = 1
        case EffectRecord(state="Running", attempts=number):
            pass
        case EffectRecord(state="Retrying", attempts=before) if _is_due(record, now):
            number = before + 1
        case EffectRecord(state="Withdrawn", attempts=before):
            number = min(before + 1, effect.attempts)
        case _:
            return None
    return EffectRecord(key=effect.key, action=effect.action, state="Running", attempts=number, started_at=now)


def _is_due(record: EffectRecord, now: datetime) -> bool:
    """Also if the clock went back since the last attempt: how long it has waited nobody knows then."""
    return record.retry_at is None or record.retry_at <= now or record.started_at > now


def _kept(record: EffectRecord, wanted: Collection[str], running: Collection[str], now: datetime) -> EffectRecord:
    goes_on = record.state == "Running" and record.key in running
    if record.finished or record.key in wanted or goes_on:
        return record
    interrupted = "A crash cut the last attempt off: whether it was carried out is not known."
    message = interrupted if record.state == "Running" else record.message
    return _ended(record, "Withdrawn", message, now)


def _recent(records: Collection[EffectRecord], wanted: Collection[str], now: datetime) -> list[EffectRecord]:
    """Without the oldest of those that are finished and no longer planned."""
    past = [record for record in records if record.finished and record.key not in wanted]
    past.sort(key=lambda record: record.finished_at or record.started_at)
    dropped = {record.key for record in past[: max(0, len(past) - KEPT_MOST)]}
    dropped |= {record.key for record in past if now - (record.finished_at or record.started_at) > KEPT_FOR}
    return [record for record in records if record.key not in dropped]


def _ended(record: EffectRecord, state: str, message: str, now: datetime) -> EffectRecord:
    change = {"state": state, "finished_at": now, "retry_at": None, "message": message[:_MESSAGE]}
    return record.model_copy(update=change)
