"""The changes that pass a closed gate: to images and templates known to be good, and by Overrides. Pure.

`effective.py` implements the same rules in Python, and a property test checks that the two agree.
"""

from __future__ import annotations

from ninefold.release.releasegate.admission.restart import same_notes

_NAMED = 3
"""How many images a refusal names."""


_SHORT = "i.substring(i.lastIndexOf('/') + 1)"
_CUT = "i.contains('@') && i.size() > i.indexOf('@') + 20 ? i.substring(0, i.indexOf('@') + 20) : i"
"""CEL: an image for a sentence, without registry and path, its digest cut to twelve digits."""


def _known(image: str) -> str:
    """CEL: whether an image is known to be good for the workload."""
    revisions = f"variables.revisions.exists(r, r.exists(part, part.endsWith('=' + {image})))"
    return f"({image} != '' && ({revisions} || {image} in variables.goodImages))"


VARIABLES = {
    # One string for each workload: the API server copies the whole gate for each check, and strings are cheap to copy.
    "revisions": "params.?status.?knownGoodRevisions[?variables.called].orValue('').split('\\n')"
    ".filter(line, line != '').map(line, line.split(' '))",
    # Images that an operator of the previous version has written, for all workloads.
    "goodImages": "params.?status.?knownGoodImages.orValue([])",
    # A container that was there before must go to another image. If a difference of the images were enough, any change
    # would pass together with a new container, or with containers in another order.
    "moved": "variables.newParts.exists(p, !(p.image in variables.oldImages) && "
    "variables.oldParts.exists(o, o.name == p.name))",
    "differs": "variables.newParts.exists(p, !(p in variables.oldParts)) || "
    "variables.oldParts.exists(o, !(o in variables.newParts))",
    # A revision as a whole, whatever the names of its containers. A moving image is empty there: it must stay
    # unchanged.
    "reverted": "variables.differs && variables.revisions.exists(r, r.size() == variables.newParts.size() && "
    "variables.newParts.all(p, p.image != '' && (p.name + '=' + p.image in r || "
    "(p.name + '=' in r && p in variables.oldParts))))",
    # An image that runs already is not a change: a sidecar with an unknown image does not block a rollback.
    "rollback": "!variables.large && !variables.moves && (variables.reverted || (variables.moved && "
    f"variables.newParts.all(p, p.image in variables.oldImages || {_known('p.image')})))",
    # A rollback of configuration alone: the whole template is known to be good.
    "restored": "!variables.moves && variables.sameRest && "
    "params.?status.?knownGoodTemplates.orValue([]).exists(t, t.workload == variables.called && "
    "t.?spec.orValue({}) == variables.newSpec && "
    "t.?labels.orValue({}) == variables.newMetadata.?labels.orValue({}) && "
    f"{same_notes('t.?annotations.orValue({})', 'variables.newNotes')})",
    # An Override that may be over does not count. An Override of images covers a change that brings one of them and no
    # other new image.
    "overrides": "params.?status.?overrides.orValue([]).filter(o, variables.latest != '' && "
    "variables.latest < o.until && (o.?images.orValue([]).size() == 0 || (!variables.large && !variables.moves && "
    "variables.newImages.exists(i, i in o.images && !(i in variables.oldImages)) && "
    "variables.newParts.all(p, p.image in o.images || p.image in variables.oldImages))))",
    "overridden": "variables.overrides.size() > 0",
    # For each revision known to be good, the images that a rollback would bring back, in short.
    "targets": "variables.revisions.map(r, r.map(part, part.substring(part.indexOf('=') + 1))"
    f".filter(i, i != '' && !(i in variables.oldImages)).map(i, {_SHORT}).map(i, {_CUT})).filter(t, t.size() > 0)",
    "earlier": "params.?status.?knownGoodTemplates.orValue([]).exists(t, t.workload == variables.called && "
    "(t.?spec.orValue({}) != variables.oldSpec || "
    "t.?labels.orValue({}) != variables.oldMetadata.?labels.orValue({})))",
    "images": "variables.targets.size() > 0 ? 'A rollback to ' + "
    f"variables.targets.slice(0, variables.targets.size() < {_NAMED} ? variables.targets.size() : {_NAMED})"
    ".map(t, t.join(' and ')).join(' or ') + ' passes.' : variables.revisions.size() > 0 ? "
    "'The image that runs is known to be good.' : 'No image is known to be good to roll back to.'",
}

VARIABLES["way"] = (
    "params.?status.?knownGoodRevisions.orValue({}).size() == 0 ? params.?status.?passes.orValue('') : "
    "variables.images + (variables.earlier ? ' A rollback to an earlier configuration passes, too.' : '')"
)
