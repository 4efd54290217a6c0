"""What time it is, in an API server whose CEL has no clock. Pure.

The API server stamps each write: the entry of its field manager in `managedFields` gets the time, if the write adds or
changes a field. Other entries may be forged, so none of them is trusted by itself:

- If the write is sure to be stamped, the true time is among all of them. So the latest is never before now.
- The entry of the manager that the request names is the true one, or there are several of that name with the true one
  among them (of other operations and versions). So the latest of that name is never before now either, and what others
  have planted under years to come does not matter; and the earliest of that name is never after now.

Above ten managers that update, the API server merges the oldest entries under the name ancient-changes, and each that
is merged brings its time with it: the true time is lost where it is merged first, as beside years to come, or where the
request calls itself ancient-changes. Merging ends at ten, so below ten nothing was merged by this write.

Times are compared as strings. The API server writes all of them alike, and what is said above holds in any order.
"""

from __future__ import annotations

_MOST_STAMPS = 64
_MOST_UPDATES = 10
"""Entries of updates above which the API server merges the oldest."""
_MOST_NOTES = 1024
_LONGEST = 16_384
"""Characters of a template, as CEL prints it, whose words are compared."""
_MOST_WORDS = 800
_MERGED = "ancient-changes"

_PRINTED = "'%s'.format([variables.{version}Template])"
_SPLIT = "".join(f".replace('{bracket}', ', ')" for bracket in "{}[]")


def _words(version: str) -> str:
    """CEL: what stands between the brackets and commas of a template that is not too long."""
    printed = f"variables.{version}Printed"
    return f"({printed}.size() > {_LONGEST} ? '' : {printed}){_SPLIT}.split(', ')"


_NOTES = "object.metadata.?annotations.orValue({})"
_OLD_FIELDS = "oldObject.metadata.?managedFields.orValue([])"
_OLD_NOTES = "oldObject.metadata.?annotations.orValue({})"

VARIABLES = {
    "fields": "object.metadata.?managedFields.orValue([])",
    "oldFields": f"{_OLD_FIELDS}.size() > {_MOST_STAMPS} ? [] : {_OLD_FIELDS}",
    "few": f"variables.fields.size() > {_MOST_STAMPS} ? [] : variables.fields",
    "stamps": "variables.few.filter(f, type(f.?time.orValue(null)) == string)",
    "merged": f"variables.few.exists(f, f.?manager.orValue('') == '{_MERGED}') && "
    f"variables.few.filter(f, f.?operation.orValue('') != 'Apply').size() >= {_MOST_UPDATES}",
    "crowded": f"variables.merged || variables.fields.size() > {_MOST_STAMPS}",
    "oldPrinted": _PRINTED.format(version="old"),
    "newPrinted": _PRINTED.format(version="new"),
    "oldWords": _words("old"),
    "newWords": _words("new"),
    # A write that only takes away or puts in another order gets no stamp. It brings no word that was not there before
    # and makes nothing longer.
    "adds": "variables.newImages.exists(i, !(i in variables.oldImages)) || "
    f"({_NOTES}.size() <= {_MOST_NOTES} && {_NOTES}.exists(k, {_OLD_NOTES}[?k].orValue('') != {_NOTES}[k])) || "
    "variables.newPrinted.size() > variables.oldPrinted.size() || "
    f"(variables.oldWords.size() <= {_MOST_WORDS} && variables.newWords.size() <= {_MOST_WORDS} && "
    "variables.newWords.exists(w, !(w in variables.oldWords)))",
    "manager": "request.?options.?fieldManager.orValue('')",
    "own": "variables.stamps.filter(f, variables.manager != '' && f.?manager.orValue('') == variables.manager)"
    ".map(f, f.time)",
    # Never before now; empty if nothing is known.
    "latest": "variables.stamps.size() > 0 && variables.adds && !variables.merged ? "
    "(variables.own.size() > 0 ? variables.own : variables.stamps.map(f, f.time)).max() : ''",
    # Whether it was there before the write: then it is from the same second, or somebody has planted it.
    "planted": "variables.latest != '' && variables.oldFields.exists(f, f.?time.orValue('') == variables.latest)",
    # Never after now; empty if nothing is known.
    "earliest": "variables.latest != '' && variables.own.size() > 0 && "
    f"!variables.stamps.exists(f, f.?manager.orValue('') == '{_MERGED}') ? variables.own.min() : ''",
}
