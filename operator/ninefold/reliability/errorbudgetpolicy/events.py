"""The Events of a policy: changes of state, and requests that are made once when a rule begins. Pure.

A rule begins for the policy when it holds for an objective and held for none before. The status says which rules held,
so that neither another reconciliation nor a restart repeats a request.
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
    """In this order: the change of state, objectives that stay spent, channels to notify, an incident to open."""
    events = []
    if old.state != new.state:
        well = new.state in ("Healthy", "Exempt")
        events.append(Note("Normal" if well else "Warning", new.state, f"{new.reason}."))
    for sentence in carried_messages.news(remembered(old).values(), states):
        events.append(Note("Warning", "SpentStays", f"{sentence}."))
    held = {rule.rule for objective in remembered(old).values() for rule in objective.active}
    holding: dict[str, list[str]] = {}
    for objective in states:
        for active in objective.active:
            holding.setdefault(active.rule, []).append(objective.name)
    begun = [rule for rule in rules if str(rule.when) in holding.keys() - held]
    if notifying := [rule for rule in begun if rule.then and rule.then.notify]:
        channels = dict.fromkeys(name for rule in notifying if rule.then for name in rule.then.notify or ())
        events.append(Note("Warning", "Notify", f"{', '.join(channels)}: {_what(notifying, holding)}. {new.reason}."))
    if asking := [rule for rule in begun if rule.then and rule.then.incident]:
        worst = min(rule.then.incident.severity for rule in asking if rule.then and rule.then.incident)
        events.append(Note("Warning", "IncidentWanted", f"{worst}: {_what(asking, holding)}. {new.reason}."))
    return tuple(events)


def _what(rules: Iterable[PolicyRule], holding: dict[str, list[str]]) -> str:
    """One sentence for all rules: Events of the same reason share one object, which keeps only the last message."""
    return ", ".join(
        f"{rule} holds for {and_more(holding[rule])}" for rule in dict.fromkeys(str(r.when) for r in rules)
    )
