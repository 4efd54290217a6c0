"""`ninefold policy`: a user's commands to an ErrorBudgetPolicy.

ninefold policy forgive checkout checkout-availability --reason "it counted health checks"
                                 the budget that the objective spent before it was deleted or changed no longer counts
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ninefold.cli.gate.client import Desk, is_unseen
from ninefold.cli.shared import cluster
from ninefold.cli.shared.options import reason
from ninefold.cli.shared.parser import Parser
from ninefold.kube.api import Key
from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.resource import MAX_FORGIVEN, ErrorBudgetPolicy, Forgiven
from ninefold.reliability.errorbudgetpolicy.status import Carried


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    namespace = cluster.namespace(options)
    return cluster.acted(options, lambda cluster: _forgive(Desk(cluster, namespace), options))


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold policy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(required=True, metavar="ACT")
    summary = "forgive the budget that a deleted or changed objective had spent"
    forgive = acts.add_parser(
        "forgive", help=summary, description=f"{summary}; it requires the verb override on releasegates"
    )
    forgive.add_argument("name", metavar="POLICY")
    forgive.add_argument("objective", metavar="OBJECTIVE", help="its name in the status of the policy")
    forgive.add_argument("--reason", type=reason, required=True, help="why, for the record")
    cluster.add_wait(forgive)
    forgive.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    cluster.add_context(forgive)
    return parser


async def _forgive(desk: Desk, options: argparse.Namespace) -> int:
    """0: forgiven; 1: there is nothing to forgive, or the user may not; 2: the operator has not reconciled it."""
    key = Key(desk.namespace, options.name)
    policy = ErrorBudgetPolicy.parse(await desk.cluster.get(ErrorBudgetPolicy.api, key))
    carried = _carried(policy)
    if options.objective not in carried:
        print(f"{key}: {options.objective} has no carried budget{_others(key, carried)}", file=sys.stderr)
        return 1
    forgiven = Forgiven(
        objective=options.objective, since=carried[options.objective].since, by=await desk.me(), reason=options.reason
    )
    patch = {
        # A list is replaced as a whole: another user may forgive at the same time.
        "metadata": {"resourceVersion": policy.metadata.resource_version},
        "spec": {"forgive": [_wire(entry) for entry in _kept(policy, forgiven)]},
    }
    patched = ErrorBudgetPolicy.parse(await desk.cluster.patch(ErrorBudgetPolicy.api, key, patch))
    return _reported(await desk.looked_at(patched, options.wait), forgiven)


def _carried(policy: ErrorBudgetPolicy) -> dict[str, Carried]:
    known = (*policy.status.objectives, *policy.status.others)
    return {state.name: state.carried for state in known if state.carried}


def _others(key: Key, carried: dict[str, Carried]) -> str:
    if carried:
        return f"; these objectives have: {', '.join(sorted(carried))}. Name one of them"
    return (
        ", nor has any other objective, so there is nothing to forgive. Its status shows what it depends on: "
        f"kubectl describe ebp {key.name} -n {key.namespace}"
    )


def _kept(policy: ErrorBudgetPolicy, more: Forgiven) -> list[Forgiven]:
    """The list of forgiven budgets, oldest first. If it is full, entries without a carried budget are removed: the
    policy's timeline keeps them."""
    carried = {(name, state.since) for name, state in _carried(policy).items()}
    known = list(policy.spec.forgive)
    for entry in list(known):
        if len(known) >= MAX_FORGIVEN and (entry.objective, entry.since) not in carried:
            known.remove(entry)
    return [*known, more]


def _wire(forgiven: Forgiven) -> dict[str, str]:
    return {**forgiven.model_dump(mode="json", by_alias=True), "since": rfc3339(forgiven.since)}


def _reported(policy: ErrorBudgetPolicy, forgiven: Forgiven) -> int:
    name, key = forgiven.objective, policy.key
    if is_unseen(policy):
        unseen = f"{key}: the operator has not reconciled it yet, so {name} still counts. Is the operator running?"
        print(f"{unseen} See: kubectl get ebp {key.name} -n {key.namespace}", file=sys.stderr)
        return 2
    status = policy.status
    if (still := _carried(policy).get(name)) is not None:
        # The objective was changed again before the reconciliation.
        since = rfc3339(still.since)
        print(
            f"{key}: {name} was changed again, and its budget is carried since {since}: forgive it again",
            file=sys.stderr,
        )
        return 1
    print(f"{key}: the budget that {name} had spent is forgiven. The policy is {status.state}: {status.reason}")
    return 0
