"""The results of replays as text for people and as JSON for machines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from ninefold.domain.wording.lengths import length
from ninefold.domain.wording.numbers import counted, in_percent
from ninefold.kube.fields import rfc3339
from ninefold.release.replay.gate import Admission
from ninefold.release.replay.outcome import Closing, Releases, ReplayOutcome
from ninefold.reliability.backtest.text import MOST, Row, at, more, table
from ninefold.reliability.errorbudgetpolicy.status import Stay

_SHOWN = {"Stopped": "stopped", "RolledBack": "passed as a rollback", "Created": "passed, new", "Passed": "passed"}


@dataclass(frozen=True, slots=True)
class Result:
    """Policies by name with their states over time, and gates."""

    policies: Mapping[str, Sequence[Stay]]
    gates: Sequence[ReplayOutcome]


def text(begin: datetime, end: datetime, results: Sequence[Result], other: str) -> str:
    """The results in several paragraphs. A second result is about the resources in the files `other`."""
    span = f"from {at(begin)} to {at(end)} UTC ({length(end - begin)})"
    parts = []
    for gate in results[0].gates:
        parts += [f"ReleaseGate {gate.gate}, {span}\n{_closed(gate, end - begin)}", *_tables(gate, end)]
    for name, stays in results[0].policies.items():
        rows: list[Row] = [("STATE", "ENTERED", "LASTED", "OF THE TIME")]
        rows += [_stay(stay, end - begin) for stay in stays]
        parts.append("\n".join([f"ErrorBudgetPolicy {name}, {span}", *table(rows)]))
    for second in results[1:]:
        before = {gate.gate: gate for gate in results[0].gates}
        parts += [_compared(before.get(gate.gate), gate, other) for gate in second.gates]
    return "\n\n".join(parts)


def _closed(gate: ReplayOutcome, whole: timedelta) -> str:
    missing = f"; data were missing {in_percent(gate.unknown)} of it" if gate.unknown else ""
    if not gate.closings:
        return f"  never closed{missing}"
    took = [closing.seconds for closing in gate.closings]
    longest = f", at most {_length(max(took))} at a time" if len(took) > 1 else ""
    return (
        f"  closed {in_percent(gate.closed)} of the time: {_length(sum(took))} in {_times(len(took))}{longest}{missing}"
    )


def _tables(gate: ReplayOutcome, end: datetime) -> Iterator[str]:
    if gate.closings:
        rows: list[Row] = [("REASON", "TIMES", "CLOSED FOR")]
        yield "\n".join(
            table([*rows, *((reason.because, str(reason.times), _length(reason.seconds)) for reason in gate.reasons)])
        )
        rows = [("CLOSED", "FOR", "DECISION", "REASON"), *(_closing(closing) for closing in gate.closings[:MOST])]
        yield "\n".join([*table(rows), *more(gate.closings)])
    if gate.admissions:
        listed = [each for each in gate.admissions if each.verdict == "Stopped" or each.record.bad]
        rows = [
            ("RELEASE", "STARTED", "OUTCOME", "SUSPICION", "GATE"),
            *(_admission(admission) for admission in listed[:MOST]),
        ]
        shown = [*table(rows), *more(listed)] if listed else []
        yield "\n".join([*shown, *(f"  {sentence}" for sentence in sentences(gate.releases))])
    else:
        yield "  There is no record of a release in this time: what it would have stopped is unknown."


def _closing(closing: Closing) -> Row:
    lasted = _length(closing.seconds) + ("" if closing.end else " and on")
    return at(closing.begin), lasted, closing.decision, ", ".join(closing.because)


def _admission(admission: Admission) -> Row:
    status = admission.record.release.status
    name = admission.record.release.metadata.name
    return name, at(admission.at), status.outcome or "-", status.suspicion or "-", _SHOWN[admission.verdict]


def sentences(releases: Releases) -> list[str]:
    """The meaning of the numbers, for users who decide by them."""
    all_, bad, stopped, both = releases.all, releases.bad, releases.stopped, releases.stopped_bad
    lines = [f"It would have stopped {stopped} of {counted(all_, 'release')}."]
    if stopped:
        lines.append(f"Of the {stopped} that it would have stopped {both} went bad ({in_percent(both / stopped)}).")
    if bad:
        share = in_percent(both / bad)
        lines.append(f"Of the {bad} that went bad it would have stopped {both} ({share}), and let {bad - both} pass.")
    else:
        lines.append("None of them went bad.")
    return lines


def _stay(stay: Stay, whole: timedelta) -> Row:
    share = in_percent(stay.seconds / whole.total_seconds())
    return stay.state, str(stay.entered), _length(stay.seconds), share


def _compared(before: ReplayOutcome | None, after: ReplayOutcome, other: str) -> str:
    columns = [_column(gate) if gate else ("-",) * len(_ROWS) for gate in (before, after)]
    rows: list[Row] = [("", "PRESENT", "AGAINST"), *zip(_ROWS, *columns, strict=True)]
    return "\n".join([f"ReleaseGate {after.gate} against {other}", *table(rows)])


_ROWS = ("closed", "times", "longest", "data missing", "releases stopped", "of these went bad", "bad ones that passed")


def _column(gate: ReplayOutcome) -> tuple[str, ...]:
    releases = gate.releases
    return (
        in_percent(gate.closed),
        str(len(gate.closings)),
        _length(max((closing.seconds for closing in gate.closings), default=0)),
        in_percent(gate.unknown),
        f"{releases.stopped} of {releases.all}",
        f"{releases.stopped_bad} of {releases.stopped}",
        f"{releases.bad - releases.stopped_bad} of {releases.bad}",
    )


def _length(seconds: float) -> str:
    return length(timedelta(seconds=seconds))


def _times(number: int) -> str:
    return "one closing" if number == 1 else f"{number} times"


def as_dict(begin: datetime, end: datetime, results: Sequence[Result]) -> dict[str, Any]:
    """Shares as 0 to 1, lengths in seconds, times in RFC 3339, null for unknown values."""
    span = {"since": rfc3339(begin), "until": rfc3339(end)}
    first, *others = [_result(result, end - begin) for result in results]
    return {**span, **first, **({"against": others[0]} if others else {})}


def _result(result: Result, whole: timedelta) -> dict[str, Any]:
    return {
        "gates": [_gate(gate) for gate in result.gates],
        "policies": [
            {
                "policy": name,
                "states": [{**stay.model_dump(), "share": stay.seconds / whole.total_seconds()} for stay in stays],
            }
            for name, stays in result.policies.items()
        ],
    }


def _gate(gate: ReplayOutcome) -> dict[str, Any]:
    closings = [
        {
            "begin": rfc3339(each.begin),
            "end": rfc3339(each.end) if each.end else None,
            "seconds": each.seconds,
            "decision": each.decision,
            "because": list(each.because),
        }
        for each in gate.closings
    ]
    releases = gate.releases
    return {
        "gate": gate.gate,
        "closed": gate.closed,
        "unknown": gate.unknown,
        "closings": closings,
        "reasons": [asdict(reason) for reason in gate.reasons],
        "releases": {**asdict(releases), "precision": releases.precision, "recall": releases.recall},
        "admissions": [_admitted(each) for each in gate.admissions],
    }


def _admitted(each: Admission) -> dict[str, Any]:
    release = each.record.release
    return {
        "release": release.metadata.name,
        "workload": each.record.workload,
        "images": list(release.spec.images),
        "at": rfc3339(each.at),
        "verdict": each.verdict,
        "decision": each.decision,
        "because": list(each.because),
        "outcome": release.status.outcome,
        "suspicion": release.status.suspicion,
        "bad": each.record.bad,
    }
