"""What a gate's status means for a change at a moment: the one place that says whether it passes. Pure.

The HTTP answers, the command line and the backtest ask here. The API server's CEL (admission/) and Argo CD's Lua say
the same in their own languages, and a property test holds them all together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from ninefold.release.gate.opinion import CLOSED, told
from ninefold.release.gate.status import Closure, Decision, GateStatus, OverrideInForce, ReleaseGateStatus
from ninefold.release.workloads.workload import paired, pinned, short

Parts = Mapping[str, str]
"""Images by container."""
Reason = Literal["open", "known good", "override", "closed"]

_NAMED = 3
"""How many revisions a sentence names."""


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A change of the pod template of a workload ("Deployment/checkout"), from these images to those."""

    workload: str
    old: Parts
    new: Parts
    template: str = ""
    """The hash of the template that comes, if it is known."""
    named: bool = True
    """Whether the images are by container. Records hold images alone, under names that only pair the old and new."""

    @classmethod
    def of_images(cls, workload: str, old: Iterable[str], new: Iterable[str], template: str = "") -> TemplateChange:
        """From and to what records hold."""
        before, after = paired(old, new)
        return cls(workload, before, after, template, named=False)


@dataclass(frozen=True, slots=True)
class ImagesAsked:
    """What somebody wants to release, by the names that he knows: images, hashes of templates; of a workload, if he
    says which. What runs there now is not known, so what is known to be good counts for it."""

    revisions: Collection[str]
    workload: str | None = None


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a change passes, and by what."""

    passes: bool
    reason: Reason
    decision: Decision
    """What is decided, whatever lets the change pass."""
    override: OverrideInForce | None = None
    """One that is for the change, needed or not."""


def judge(status: GateStatus, change: TemplateChange | ImagesAsked, now: datetime) -> GateVerdict:
    """What the API server would do with the change. Unknown lets it pass."""
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
    """All that closes it now, the most severe first."""
    return current(status.closures, now)


def current(known: Iterable[Closure], now: datetime) -> list[Closure]:
    """Those that hold now, of all that are known."""
    return [
        each for each in known if (each.from_ is None or each.from_ <= now) and (each.until is None or now < each.until)
    ]


def decision(status: GateStatus, now: datetime) -> Decision:
    """What is decided, whatever may override it."""
    closed = closures(status, now)
    if closed:
        return closed[0].decision
    # What had closed it is over, and the operator has not said more.
    return "Allow" if status.decision in CLOSED and status.closures else status.decision


def is_good(status: ReleaseGateStatus, change: TemplateChange | ImagesAsked) -> bool:
    """Whether it brings back what is known to be good."""
    if isinstance(change, ImagesAsked):
        return _asks_for_good(status, change)
    if any((each.workload, each.hash) == (change.workload, change.template) for each in status.known_good_templates):
        return True
    known = status.known_good_revisions.get(change.workload, "").splitlines()
    good = {*_images(known), *status.known_good_images}
    moved = any(image not in change.old.values() and name in change.old for name, image in change.new.items())
    brings = all(image in good or image in change.old.values() for image in change.new.values())
    return (moved and brings) or (change.new != change.old and any(_is(each, change) for each in known))


def overrides(status: ReleaseGateStatus, change: TemplateChange | ImagesAsked, now: datetime) -> list[OverrideInForce]:
    """Those by which it passes now."""
    return [each for each in in_force(status, now) if covers(each.images, change, status)]


def in_force(status: ReleaseGateStatus, now: datetime) -> list[OverrideInForce]:
    """Those that count now, whatever they are about."""
    return [each for each in status.overrides if now < each.until]


def targets(revisions: str, runs: Collection[str]) -> list[str]:
    """For each revision that is known to be good what would come back, in short."""
    found = (
        [short(image) for image in _parts(line).values() if image and image not in runs]
        for line in revisions.splitlines()
    )
    return [" and ".join(each) for each in found if each][:_NAMED]


def images_of(line: str) -> set[str]:
    """The images of a revision that is known to be good."""
    return {image for image in _parts(line).values() if image}


def changes(status: ReleaseGateStatus, now: datetime) -> datetime | None:
    """When the clock alone may change what it means; None if never."""
    moments = [moment for each in status.closures for moment in (each.from_, each.until)]
    moments += [each.until for each in status.overrides]
    return min((moment for moment in moments if moment and moment > now), default=None)


def message(status: GateStatus, now: datetime) -> str:
    """Why it is closed, and what passes; "" while it is open."""
    closed = closures(status, now)
    if not closed:
        return ""
    return told(closed[0].message, [each.because for each in closed[1:]], status.passes).strip()


def _parts(line: str) -> dict[str, str]:
    """By container; "" of an image that moves."""
    return {name: image for name, _, image in (part.partition("=") for part in line.split(" "))}


def _images(lines: Iterable[str]) -> set[str]:
    return {image for line in lines for image in images_of(line)}


def _is(line: str, change: TemplateChange) -> bool:
    """Whether it goes to this revision as a whole. An image that moves must stay as it is."""
    known = _parts(line)
    if not change.named:
        moving = {image for image in change.new.values() if not pinned(image)}
        return set(change.new.values()) - moving == images_of(line) and moving <= set(change.old.values())
    return known.keys() == change.new.keys() and all(
        image == known[name] or (not known[name] and change.old.get(name) == image)
        for name, image in change.new.items()
    )


def covers(images: Collection[str], change: TemplateChange | ImagesAsked, status: ReleaseGateStatus) -> bool:
    """Whether an override of these images, or of all if there are none, is for the change: it brings one of them, and
    all else runs there already."""
    if not images:
        return True
    if isinstance(change, ImagesAsked):
        asked = [each for each in change.revisions if _is_image(each) or each in images]
        brings = any(each in images for each in asked)
        return brings and any(all(each in images or runs(each) for each in asked) for runs in _good(status, change))
    old, new = set(change.old.values()), set(change.new.values())
    return bool((new - old) & set(images)) and new <= old | set(images)


def _asks_for_good(status: ReleaseGateStatus, asked: ImagesAsked) -> bool:
    if any(each.hash in asked.revisions for each in status.known_good_templates):
        return True
    wanted = [each for each in asked.revisions if _is_image(each)]
    return bool(wanted) and any(all(map(is_good, wanted)) for is_good in _good(status, asked))


def _good(status: ReleaseGateStatus, asked: ImagesAsked) -> list[Callable[[str], bool]]:
    """For each workload that may be meant whether an image is known to be good for it. One that moves may run."""
    names = [asked.workload] if asked.workload else [*status.known_good_revisions, ""]
    revisions = [status.known_good_revisions.get(name, "").splitlines() for name in names]
    moving = [any("" in _parts(line).values() for line in found) for found in revisions]
    good = [{*_images(found), *status.known_good_images} for found in revisions]
    return [partial(_is_known, images, moves) for images, moves in zip(good, moving, strict=True)]


def _is_known(good: Collection[str], moves: bool, image: str) -> bool:
    return image in good or (moves and not pinned(image))


def _is_image(name: str) -> bool:
    """Or the hash of a template: images that can be known to be good have a tag or a digest."""
    return ":" in name or "@" in name or "/" in name
