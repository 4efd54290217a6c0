"""Evaluates a gate's status for a change at a moment: the one place that decides whether the change passes. Pure.

The HTTP answers, the command line and the backtest call this module. The API server's CEL (admission/) and Argo CD's
Lua implement the same rules in their own languages, and a property test checks that all of them agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from ninefold.release.gate.opinion import CLOSED, compose_refusal
from ninefold.release.gate.status import Closure, Decision, GateStatus, OverrideInForce, ReleaseGateStatus
from ninefold.release.workloads.workload import paired, pinned, short

Parts = Mapping[str, str]
"""Images by container."""
Reason = Literal["open", "known good", "override", "closed"]

_NAMED = 3
"""How many revisions a sentence names."""


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A change of the pod template of a workload ("Deployment/checkout"), from the `old` images to the `new` images."""

    workload: str
    old: Parts
    new: Parts
    template: str = ""
    """The hash of the new template, if it is known."""
    named: bool = True
    """Whether the keys are names of containers. Records hold only images; their keys merely pair old and new images."""

    @classmethod
    def of_images(cls, workload: str, old: Iterable[str], new: Iterable[str], template: str = "") -> TemplateChange:
        """Builds a change from the images that two records hold."""
        before, after = paired(old, new)
        return cls(workload, before, after, template, named=False)


@dataclass(frozen=True, slots=True)
class ImagesAsked:
    """A question about the release of these revisions (images or hashes of templates), to one workload if the question
    names it. The running revision is not known, so the revisions known to be good stand in for it."""

    revisions: Collection[str]
    workload: str | None = None


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a change passes, and why."""

    passes: bool
    reason: Reason
    decision: Decision
    """The decision of the gate, even if something lets the change pass."""
    override: OverrideInForce | None = None
    """An Override that covers the change, needed or not."""


def judge(status: GateStatus, change: TemplateChange | ImagesAsked, now: datetime) -> GateVerdict:
    """Returns the verdict that the API server would reach on the change. Unknown lets it pass."""
    decided = decision(status, now)
    if not isinstance(status, ReleaseGateStatus):
        return GateVerdict(decided not in CLOSED, "closed" if decided in CLOSED else "open", decided)
    override = next(iter(overrides(status, change, now)), None)
    if decided not in CLOSED:
        return GateVerdict(True, "open", decided, override)
    if is_good(status, change):
        return GateVerdict(True, "known good", decided, override)
    return GateVerdict(override is not None, "override" if override else "closed", decided, override)


def closures(status: GateStatus, now: datetime) -> list[Closure]:
    """The closures that close the gate now, the most severe first."""
    return current(status.closures, now)


def current(known: Iterable[Closure], now: datetime) -> list[Closure]:
    """The closures among `known` that are in force now."""
    return [
        closure
        for closure in known
        if (closure.from_ is None or closure.from_ <= now) and (closure.until is None or now < closure.until)
    ]


def decision(status: GateStatus, now: datetime) -> Decision:
    """The decision of the gate now, before Overrides."""
    closed = closures(status, now)
    if closed:
        return closed[0].decision
    # Every closure is over, and the operator has not written a new decision yet.
    return "Allow" if status.decision in CLOSED and status.closures else status.decision


def is_good(status: ReleaseGateStatus, change: TemplateChange | ImagesAsked) -> bool:
    """Whether the change returns to a revision that is known to be good."""
    if isinstance(change, ImagesAsked):
        return _asks_for_good(status, change)
    templates = status.known_good_templates
    if any((template.workload, template.hash) == (change.workload, change.template) for template in templates):
        return True
    known = status.known_good_revisions.get(change.workload, "").splitlines()
    good = {*_images(known), *status.known_good_images}
    moved = any(image not in change.old.values() and name in change.old for name, image in change.new.items())
    brings = all(image in good or image in change.old.values() for image in change.new.values())
    return (moved and brings) or (change.new != change.old and any(_is(line, change) for line in known))


def overrides(status: ReleaseGateStatus, change: TemplateChange | ImagesAsked, now: datetime) -> list[OverrideInForce]:
    """The Overrides that let the change pass now."""
    return [override for override in in_force(status, now) if covers(override.images, change, status)]


def in_force(status: ReleaseGateStatus, now: datetime) -> list[OverrideInForce]:
    """The Overrides that count now, whatever images they cover."""
    return [override for override in status.overrides if now < override.until]


def targets(revisions: str, runs: Collection[str]) -> list[str]:
    """Returns for each revision known to be good the images that a rollback would bring back, in short."""
    brought = (
        [short(image) for image in _parts(line).values() if image and image not in runs]
        for line in revisions.splitlines()
    )
    return [" and ".join(images) for images in brought if images][:_NAMED]


def images_of(line: str) -> set[str]:
    """The images of one line of `known_good_revisions`."""
    return {image for image in _parts(line).values() if image}


def changes(status: ReleaseGateStatus, now: datetime) -> datetime | None:
    """When the clock alone may next change a verdict; None if never."""
    moments = [moment for closure in status.closures for moment in (closure.from_, closure.until)]
    moments += [override.until for override in status.overrides]
    return min((moment for moment in moments if moment and moment > now), default=None)


def message(status: GateStatus, now: datetime) -> str:
    """Why the gate is closed, and what passes; "" while it is open."""
    closed = closures(status, now)
    if not closed:
        return ""
    return compose_refusal(closed[0].message, [closure.because for closure in closed[1:]], status.passes).strip()


def _parts(line: str) -> dict[str, str]:
    """The images of a revision by container; "" for a moving image, such as latest."""
    return {name: image for name, _, image in (part.partition("=") for part in line.split(" "))}


def _images(lines: Iterable[str]) -> set[str]:
    return {image for line in lines for image in images_of(line)}


def _is(line: str, change: TemplateChange) -> bool:
    """Whether the change goes to exactly this revision. A moving image must stay unchanged."""
    known = _parts(line)
    if not change.named:
        moving = {image for image in change.new.values() if not pinned(image)}
        return set(change.new.values()) - moving == images_of(line) and moving <= set(change.old.values())
    return known.keys() == change.new.keys() and all(
        image == known[name] or (not known[name] and change.old.get(name) == image)
        for name, image in change.new.items()
    )


def covers(images: Collection[str], change: TemplateChange | ImagesAsked, status: ReleaseGateStatus) -> bool:
    """Whether an Override of these images covers the change: the change brings one of them, and every other image runs
    already. An Override without images covers every change."""
    if not images:
        return True
    if isinstance(change, ImagesAsked):
        asked = [revision for revision in change.revisions if _is_image(revision) or revision in images]
        brings = any(image in images for image in asked)
        return brings and any(all(image in images or runs(image) for image in asked) for runs in _good(status, change))
    old, new = set(change.old.values()), set(change.new.values())
    return bool((new - old) & set(images)) and new <= old | set(images)


def _asks_for_good(status: ReleaseGateStatus, asked: ImagesAsked) -> bool:
    if any(template.hash in asked.revisions for template in status.known_good_templates):
        return True
    wanted = [revision for revision in asked.revisions if _is_image(revision)]
    return bool(wanted) and any(all(map(is_good, wanted)) for is_good in _good(status, asked))


def _good(status: ReleaseGateStatus, asked: ImagesAsked) -> list[Callable[[str], bool]]:
    """Returns for each workload that the question may mean a test whether an image is known to be good for it. A moving
    image passes the test if a revision has one."""
    names = [asked.workload] if asked.workload else [*status.known_good_revisions, ""]
    revisions = [status.known_good_revisions.get(name, "").splitlines() for name in names]
    moving = [any("" in _parts(line).values() for line in lines) for lines in revisions]
    good = [{*_images(lines), *status.known_good_images} for lines in revisions]
    return [partial(_is_known, images, moves) for images, moves in zip(good, moving, strict=True)]


def _is_known(good: Collection[str], moves: bool, image: str) -> bool:
    return image in good or (moves and not pinned(image))


def _is_image(name: str) -> bool:
    """Whether the name is an image, and not the hash of a template: an image that can be known to be good has a tag or
    a digest."""
    return ":" in name or "@" in name or "/" in name
