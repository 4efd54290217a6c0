"""The Events of a policy: its changes of state, and what is asked for once when a rule begins. Pure.

A rule begins for the policy when it holds for an objective and held for none before. The status says which held, so
that neither a look nor a restart asks twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ninefold.domain.wording.numbers import and_more
from ninefold.kube.plan import Note
from ninefold.reliability.errorbudgetpolicy import carried_messages
from ninefold.reliability.errorbudgetpolicy.ranking import remembered
from ninefold.reliability.errorbudgetpolicy.rules import PolicyRule
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, ObjectiveState


def notes(
    rules: Sequence[PolicyRule],
    old: ErrorBudgetPolicyStatus,
    new: ErrorBudgetPolicyStatus,
    states: Sequence[ObjectiveState],
) -> tuple[Note, ...]:
    """In this order: the state, what is held on to, channels to be told, an incident to be opened."""
    found = []
    if old.state != new.state:
        well = new.state in ("Healthy", "Exempt")
        found.append(Note("Normal" if well else "Warning", new.state, f"{new.reason}."))
    for sentence in carried_messages.news(remembered(old).values(), states):
        found.append(Note("Warning", "SpentStays", f"{sentence}."))
    held = {rule.rule for objective in remembered(old).values() for rule in objective.active}
    holding: dict[str, list[str]] = {}
    for objective in states:
        for active in objective.active:
            holding.setdefault(active.rule, []).append(objective.name)
    begun = [rule for rule in rules if str(rule.when) in holding.keys() - held]
    if told := [rule for rule in begun if rule.then and rule.then.notify]:
        channels = dict.fromkeys(name for rule in told if rule.then for name in rule.then.notify or ())
        found.append(Note("Warning", "Notify", f"{', '.join(channels)}: {_what(told, holding)}. {new.reason}."))
    if asking := [rule for rule in begun if rule.then and rule.then.incident]:
        worst = min(rule.then.incident.severity for rule in asking if rule.then and rule.then.incident)
        found.append(Note("Warning", "IncidentWanted", f"{worst}: {_what(asking, holding)}. {new.reason}."))
    return tuple(found)


def _what(rules: Iterable[PolicyRule], holding: dict[str, list[str]]) -> str:
    """One sentence for all: Events of one reason are one object, and the last message stays."""
    return ", ".join(
        f"{rule} holds for {and_more(holding[rule])}" for rule in dict.fromkeys(str(r.when) for r in rules)
    )
