"""Whether figures are those that our rules record, or somebody else's under the same name. Pure.

Anybody whose metrics Prometheus scrapes can write a series of our name. Such a series differs in one of three ways, and
by each of them the figures of the objective are contested, so that nobody goes by them:

- its labels: what is scraped carries `job` and `instance`, what comes from another cluster that cluster's labels;
- where the labels are exactly ours, its time: all rules of a group are evaluated for the same instants, an interval
  apart, and a sample of somebody else falls between them;
- where a rule records it, the file of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ninefold.domain.measurements.series import BURN, FIGURES, INFO, PARTS, RECORDED
from ninefold.integrations.prometheus_answers import LoadedRecording, Sample

_READ = {INFO, *FIGURES, *PARTS}

MOST_WINDOWS = 48
"""The most windows of burn rates whose times are compared in one question."""
CONTESTED = "contested"
"""The label that names a recording with samples between the evaluations of our rules."""

_ABOUT = {"service", "namespace", "name", "window", "objective", "group_by", "revision"}
_FURTHER = {INFO: _ABOUT, "slo:blame:ratio": {"component"}}
_PERIODS = {"period", "agreement_period"}
_WINDOW = re.compile(r"slo:burn_rate:[0-9]{1,4}[smhdwy]")
_EVALUATIONS = 4
_BEFORE = (0.25, 0.5, 0.75)
"""How long before, in intervals: two writers take turns in each interval."""
_DISPLACED = re.compile("out of order|out-of-order|duplicate sample", re.IGNORECASE)
_ADVICE = {
    "namespace": "exclude our PrometheusRules from enforcedNamespaceLabel (excludedFromEnforcement)",
    "job": "find the exporter or the federation that brings it",
    "instance": "find the exporter or the federation that brings it",
}


def foreign_label(samples: Iterable[Sample]) -> str:
    """What is wrong with the labels of an objective's samples, as a sentence; "" if they are ours."""
    samples = list(samples)
    groupings = {sample.labels.get("group_by", "") for sample in samples if sample.labels["__name__"] == INFO}
    if len(groupings) > 1:
        return f"{INFO} names two groupings, {' and '.join(repr(one) for one in sorted(groupings))}"
    groups = {label for grouping in groupings for label in grouping.split(",")}
    known = {"__name__", "slo_id", *groups}
    for sample in samples:
        name = sample.labels["__name__"]
        if name not in _READ and not name.startswith(BURN):
            continue
        allowed = _FURTHER.get(name, _PERIODS if ":rate" in name else set[str]())
        if further := sorted(sample.labels.keys() - known - allowed):
            label, value = further[0], sample.labels[further[0]][:64]
            advice = _ADVICE.get(label, f"if all series have it, tell the operator by --cluster-label {label}=...")
            return f'{name} comes with the label {label}="{value}", which the rules do not write: {advice}'
    return ""


def between(intervals: Collection[float], names: Collection[str]) -> str:
    """PromQL for the objectives with a sample that is not of an evaluation of our rules, by the labels `contested` and
    `step`: the interval of the evaluations, one of these, in milliseconds.

    All are compared with slo:info, which each group records at each evaluation. Of that itself there is no more than
    one sample an interval, and the samples just before are of the same evaluations.
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
    """By slo_id a sentence from the samples of `between`, each by the interval of its own evaluations."""
    return {
        slo_id: f"{sample.labels[CONTESTED]} has samples between the evaluations of its rule: something "
        "else writes it, such as an exporter that is scraped with honorLabels"
        for sample in samples
        if CONTESTED in sample.labels
        and sample.labels["step"] == str(_milliseconds(intervals.get(slo_id := sample.labels["slo_id"], usual)))
    }


def _milliseconds(interval: float) -> int:
    return max(1, round(interval * 1000))


def _named(name: str, step: int, expression: str) -> str:
    return f'label_replace(label_replace({expression}, "{CONTESTED}", "{name}", "", ""), "step", "{step}", "", "")'


def compared(samples: Iterable[Sample]) -> list[str]:
    """The recordings whose times are to be compared, by the samples of the poll before."""
    windows = {name for sample in samples if _WINDOW.fullmatch(name := sample.labels.get("__name__", ""))}
    return [*FIGURES, *PARTS, *sorted(windows, key=lambda name: (len(name), name))[:MOST_WINDOWS]]


def foreign_files(recordings: Sequence[LoadedRecording]) -> Mapping[str, str]:
    """By slo_id a sentence about rules that are not ours, though they record a series of ours for it."""
    files: dict[str, set[str]] = {}
    causes: dict[str, str] = {}
    for each in recordings:
        slo_id = each.labels.get("slo_id", "")
        if not slo_id or not re.search(RECORDED, each.name):
            continue
        if is_ours(each):
            files.setdefault(slo_id, set()).add(each.file)
        else:
            where = f"{each.group[:128]} of {each.file[:256]}"
            causes[slo_id] = f"{each.name} is recorded by the group {where}, too: take that rule away"
    for slo_id, found in files.items():
        if len(found) > 1:
            causes[slo_id] = f"the rules are loaded from several files, {' and '.join(sorted(found)[:3])}: keep one"
    return causes


def displaced(recordings: Iterable[LoadedRecording]) -> Mapping[str, str]:
    """By slo_id a sentence about rules of ours whose samples come too late: others of their series are there."""
    return {
        each.labels["slo_id"]: f"{each.name} cannot be recorded, since something else writes it, too, or Prometheus' "
        f"clock went back: {each.error[:256]}"
        for each in recordings
        if is_ours(each) and re.search(RECORDED, each.name) and _DISPLACED.search(each.error)
    }


def is_ours(recording: LoadedRecording) -> bool:
    """Whether it is in a group that is called as that of the objective is."""
    slo_id = recording.labels.get("slo_id", "")
    return bool(slo_id) and f"{recording.group}/".startswith(f"ninefold/{slo_id}/")
