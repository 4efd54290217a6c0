"""Derives the present time in an API server whose CEL has no clock. Pure.

The API server stamps each write: the entry of its field manager in `managedFields` gets the time, if the write adds or
changes a field. Other entries may be forged, so no entry is trusted by itself:

- If the write is certain to be stamped, one of the entries has the true time. So the latest time is never before now.
- The entry of the manager that the request names has the true time, or several entries have that name and one of them
  has it (they differ in operation or version). So the latest time under that name is never before now either, and times
  in the future that others have forged do not matter; and the earliest time under that name is never after now.

Above ten managers that update, the API server merges the oldest entries under the name ancient-changes, and each merged
entry keeps its time: the true time is lost if its entry is merged first, for example next to times in the future, or if
the request calls itself ancient-changes. Merging stops at ten, so below ten entries this write merged nothing.

Times are compared as strings. The API server writes all times in the same format, and the rules above hold in any
order.
"""

from __future__ import annotations

_MOST_STAMPS = 64
_MOST_UPDATES = 10
"""The number of update entries above which the API server merges the oldest."""
_MOST_NOTES = 1024
_LONGEST = 16_384
"""The longest template, in characters as CEL prints it, whose words are compared."""
_MOST_WORDS = 800
_MERGED = "ancient-changes"

_PRINTED = "'%s'.format([variables.{version}Template])"
_SPLIT = "".join(f".replace('{bracket}', ', ')" for bracket in "{}[]")


def _words(version: str) -> str:
    """CEL: the words between the brackets and commas of a template, unless it is too long."""
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
    # A write that only removes or reorders fields gets no stamp. Such a write adds no new word, and makes nothing
    # longer.
    "adds": "variables.newImages.exists(i, !(i in variables.oldImages)) || "
    f"({_NOTES}.size() <= {_MOST_NOTES} && {_NOTES}.exists(k, {_OLD_NOTES}[?k].orValue('') != {_NOTES}[k])) || "
    "variables.newPrinted.size() > variables.oldPrinted.size() || "
    f"(variables.oldWords.size() <= {_MOST_WORDS} && variables.newWords.size() <= {_MOST_WORDS} && "
    "variables.newWords.exists(w, !(w in variables.oldWords)))",
    "manager": "request.?options.?fieldManager.orValue('')",
    "own": "variables.stamps.filter(f, variables.manager != '' && f.?manager.orValue('') == variables.manager)"
    ".map(f, f.time)",
    # Never before now; empty if the time is not known.
    "latest": "variables.stamps.size() > 0 && variables.adds && !variables.merged ? "
    "(variables.own.size() > 0 ? variables.own : variables.stamps.map(f, f.time)).max() : ''",
    # Whether this time was there before the write: then it is from the same second, or someone forged it.
    "planted": "variables.latest != '' && variables.oldFields.exists(f, f.?time.orValue('') == variables.latest)",
    # Never after now; empty if the time is not known.
    "earliest": "variables.latest != '' && variables.own.size() > 0 && "
    f"!variables.stamps.exists(f, f.?manager.orValue('') == '{_MERGED}') ? variables.own.min() : ''",
}
