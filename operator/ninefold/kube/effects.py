"""The life of an effect, from the records in a status: what to begin, what to keep, how an attempt ended. Pure.

    (no record) -> Running -> Succeeded
                   ^     |--> Failed       no attempts are left, or another attempt cannot succeed
                   |     `--> Retrying -.
                   `--------------------'  when retryAt has come

A record is stored before its attempt begins and again when the attempt has an outcome. A record that is Running without
an attempt in this process means that the process which began the attempt has ended: the attempt is made again, under
the same key and number. A record that is not finished and no longer planned becomes Withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.errors import EffectFailed, Stalled
from ninefold.kube.model import EffectRecord
from ninefold.kube.plan import Effect

PLANNED_MOST = 128
"""The most effects that a plan may name; all their records are kept."""
KEPT_MOST = 128
KEPT_FOR = timedelta(days=7)
"""How many records of effects that are no longer planned are kept, and how long: a plan may change back and forth."""
BACKOFF_MOST = timedelta(minutes=10)
_MESSAGE = 1024
UNKNOWN = "The attempt failed; the operator's log says why."


@dataclass(frozen=True, slots=True)
class Step:
    """What a reconciliation does about effects: the records to store and then the attempts to begin."""

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
    """`running` are the keys that have an attempt in progress in this process. Raises Stalled for too many effects."""
    wanted = {effect.key: effect for effect in planned}
    if len(wanted) > PLANNED_MOST:
        raise Stalled(
            "TooManyEffects", f"{len(wanted)} effects are planned, more than {PLANNED_MOST}: split the object"
        )
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
    """The record after an attempt that failed: to be repeated, unless no attempts are left."""
    if error.final or record.attempts >= effect.attempts:
        return _ended(record, "Failed", error.message, now)
    delay = min(effect.backoff * 2.0 ** min(record.attempts - 1, 32), BACKOFF_MOST)
    wait = max(delay, timedelta(seconds=error.retry_after), timedelta(seconds=1))
    change = {"state": "Retrying", "retry_at": now + wait, "message": error.message[:_MESSAGE]}
    return record.model_copy(update=change)


def _attempt(record: EffectRecord | None, effect: Effect, now: datetime) -> EffectRecord | None:
    """The record of the attempt that begins now; None if no attempt begins."""
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
    """Also true if the clock went back since the last attempt: then the time waited is unknown."""
    return record.retry_at is None or record.retry_at <= now or record.started_at > now


def _kept(record: EffectRecord, wanted: Collection[str], running: Collection[str], now: datetime) -> EffectRecord:
    in_progress = record.state == "Running" and record.key in running
    if record.finished or record.key in wanted or in_progress:
        return record
    interrupted = "A crash interrupted the last attempt: it is not known whether it was carried out."
    message = interrupted if record.state == "Running" else record.message
    return _ended(record, "Withdrawn", message, now)


def _recent(records: Collection[EffectRecord], wanted: Collection[str], now: datetime) -> list[EffectRecord]:
    """The records without the oldest that are finished and no longer planned."""
    past = [record for record in records if record.finished and record.key not in wanted]
    past.sort(key=lambda record: record.finished_at or record.started_at)
    dropped = {record.key for record in past[: max(0, len(past) - KEPT_MOST)]}
    dropped |= {record.key for record in past if now - (record.finished_at or record.started_at) > KEPT_FOR}
    return [record for record in records if record.key not in dropped]


def _ended(record: EffectRecord, state: str, message: str, now: datetime) -> EffectRecord:
    change = {"state": state, "finished_at": now, "retry_at": None, "message": message[:_MESSAGE]}
    return record.model_copy(update=change)
