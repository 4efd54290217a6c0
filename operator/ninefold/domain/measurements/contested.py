"""Whether Ninefold's rules record the measurements, or another writer records them under the same name. Pure.

Anyone whose metrics Prometheus scrapes can write a series with Ninefold's names. Such a series differs in one of three
ways. Each of them makes the measurements of the objective contested, so that nothing depends on them:
- its labels: a scraped series carries `job` and `instance`, a series from another cluster that cluster's labels;
- where the labels are exactly those of the rules, its time: all rules of a group are evaluated for the same instants,
  one interval apart, and a foreign sample falls between them;
- where another rule records it, the file of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ninefold.domain.measurements.series import BURN, FIGURES, INFO, PARTS, RECORDED
from ninefold.integrations.prometheus_answers import LoadedRecording, Sample

_READ = {INFO, *FIGURES, *PARTS}

MOST_WINDOWS = 48
"""The most windows of burn rates whose times one query compares."""
CONTESTED = "contested"
"""The label that names a recording with samples between the evaluations of Ninefold's rules."""

_ABOUT = {"service", "namespace", "name", "window", "objective", "group_by", "revision"}
_FURTHER = {INFO: _ABOUT, "slo:blame:ratio": {"component"}}
_PERIODS = {"period", "agreement_period"}
_WINDOW = re.compile(r"slo:burn_rate:[0-9]{1,4}[smhdwy]")
_EVALUATIONS = 4
_BEFORE = (0.25, 0.5, 0.75)
"""Offsets into the past, in intervals: two writers alternate within each interval."""
_DISPLACED = re.compile("out of order|out-of-order|duplicate sample", re.IGNORECASE)
_ADVICE = {
    "namespace": "exclude Ninefold's PrometheusRules from enforcedNamespaceLabel (excludedFromEnforcement)",
    "job": "find the exporter or the federation that brings it",
    "instance": "find the exporter or the federation that brings it",
}


def foreign_label(samples: Iterable[Sample]) -> str:
    """The fault in the labels of an objective's samples, as a sentence; "" if Ninefold's rules wrote them."""
    samples = list(samples)
    groupings = {sample.labels.get("group_by", "") for sample in samples if sample.labels["__name__"] == INFO}
    if len(groupings) > 1:
        return f"{INFO} names two groupings, {' and '.join(repr(grouping) for grouping in sorted(groupings))}"
    groups = {label for grouping in groupings for label in grouping.split(",")}
    known = {"__name__", "slo_id", *groups}
    for sample in samples:
        name = sample.labels["__name__"]
        if name not in _READ and not name.startswith(BURN):
            continue
        allowed = _FURTHER.get(name, _PERIODS if ":rate" in name else set[str]())
        if further := sorted(sample.labels.keys() - known - allowed):
            label, value = further[0], sample.labels[further[0]][:64]
            advice = _ADVICE.get(label, f"if all series have it, run the operator with --cluster-label {label}=...")
            return f'{name} has the label {label}="{value}", which the rules do not write: {advice}'
    return ""


def between(intervals: Collection[float], names: Collection[str]) -> str:
    """PromQL for the objectives with a sample that is not from an evaluation of Ninefold's rules. It has the labels
    `contested` and `step`: the interval of the evaluations, one of `intervals`, in milliseconds.

    All recordings are compared with slo:info, which each group records at each evaluation. slo:info itself must have at
    most one sample per interval, and its samples just before must be from the same evaluations.
    """
    info = f'{INFO}{{slo_id!=""}}'
    at = f"max by (slo_id) (timestamp({info}))"
    terms = []
    for step in map(_milliseconds, intervals):
        length = f"{_EVALUATIONS * step - 1}ms"
        terms.append(_named(INFO, step, f"max by (slo_id) (count_over_time({info}[{length}])) > {_EVALUATIONS}"))
        for share in _BEFORE:
            before = f"max by (slo_id) (timestamp({info} offset {round(step * share) + 1}ms))"
            terms.append(_named(INFO, step, f"abs(round(({at} - {before}) * 1000) % {step}) > 0"))
        for name in names:
            off = f'round((timestamp({name}{{slo_id!=""}}) - on (slo_id) group_left () {at}) * 1000) % {step}'
            terms.append(_named(name, step, f"max by (slo_id) (abs({off})) > 0"))
    return " or ".join(terms)


def foreign_times(samples: Iterable[Sample], intervals: Mapping[str, float], usual: float) -> dict[str, str]:
    """Sentences by slo_id from the samples of `between`, each for the interval of the objective's own evaluations."""
    return {
        slo_id: f"{sample.labels[CONTESTED]} has samples between the evaluations of its rule: another writer "
        "records it, such as an exporter that is scraped with honorLabels"
        for sample in samples
        if CONTESTED in sample.labels
        and sample.labels["step"] == str(_milliseconds(intervals.get(slo_id := sample.labels["slo_id"], usual)))
    }


def _milliseconds(interval: float) -> int:
    return max(1, round(interval * 1000))


def _named(name: str, step: int, expression: str) -> str:
    return f'label_replace(label_replace({expression}, "{CONTESTED}", "{name}", "", ""), "step", "{step}", "", "")'


def compared(samples: Iterable[Sample]) -> list[str]:
    """The recordings whose times to compare, from the samples of the previous poll."""
    windows = {name for sample in samples if _WINDOW.fullmatch(name := sample.labels.get("__name__", ""))}
    return [*FIGURES, *PARTS, *sorted(windows, key=lambda name: (len(name), name))[:MOST_WINDOWS]]


def foreign_files(recordings: Sequence[LoadedRecording]) -> Mapping[str, str]:
    """Sentences by slo_id about foreign rules that record a series of Ninefold for the objective."""
    files: dict[str, set[str]] = {}
    causes: dict[str, str] = {}
    for recording in recordings:
        slo_id = recording.labels.get("slo_id", "")
        if not slo_id or not re.search(RECORDED, recording.name):
            continue
        if is_ours(recording):
            files.setdefault(slo_id, set()).add(recording.file)
        else:
            where = f"{recording.group[:128]} of {recording.file[:256]}"
            causes[slo_id] = f"{recording.name} is also recorded by the group {where}: remove that rule"
    for slo_id, names in files.items():
        if len(names) > 1:
            causes[slo_id] = f"the rules are loaded from several files, {' and '.join(sorted(names)[:3])}: keep one"
    return causes


def displaced(recordings: Iterable[LoadedRecording]) -> Mapping[str, str]:
    """Sentences by slo_id about Ninefold's rules whose samples are too late: their series have other samples."""
    return {
        recording.labels["slo_id"]: f"{recording.name} cannot be recorded: another writer writes it, or Prometheus' "
        f"clock went back: {recording.error[:256]}"
        for recording in recordings
        if is_ours(recording) and re.search(RECORDED, recording.name) and _DISPLACED.search(recording.error)
    }


def is_ours(recording: LoadedRecording) -> bool:
    """Whether its group has the name of the objective's rule group."""
    slo_id = recording.labels.get("slo_id", "")
    return bool(slo_id) and f"{recording.group}/".startswith(f"ninefold/{slo_id}/")
