"""`ninefold policy`: what a user says to an ErrorBudgetPolicy.

ninefold policy forgive checkout checkout-availability --reason "it counted health checks"
                                 what the objective had spent before it was deleted or changed counts no more
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
    """Of the options."""
    parser = Parser(prog="ninefold policy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(required=True, metavar="ACT")
    what = "let what a deleted or changed objective had spent count no more"
    forgive = acts.add_parser("forgive", help=what, description=f"{what}; it takes the verb override on releasegates")
    forgive.add_argument("name", metavar="POLICY")
    forgive.add_argument("objective", metavar="OBJECTIVE", help="as the status of the policy calls it")
    forgive.add_argument("--reason", type=reason, required=True, help="why, for the record")
    cluster.add_wait(forgive)
    forgive.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    cluster.add_context(forgive)
    return parser


async def _forgive(desk: Desk, options: argparse.Namespace) -> int:
    """0: it is forgiven; 1: there is nothing to forgive, or the user may not; 2: the operator has not looked at it."""
    key = Key(desk.namespace, options.name)
    policy = ErrorBudgetPolicy.parse(await desk.cluster.get(ErrorBudgetPolicy.api, key))
    carried = _carried(policy)
    if options.objective not in carried:
        print(f"{key}: nothing that {options.objective} had spent is carried{_others(key, carried)}", file=sys.stderr)
        return 1
    forgiven = Forgiven(
        objective=options.objective, since=carried[options.objective].since, by=await desk.me(), reason=options.reason
    )
    patch = {
        # A list is replaced whole: another user may forgive at the same time.
        "metadata": {"resourceVersion": policy.metadata.resource_version},
        "spec": {"forgive": [_wire(each) for each in _kept(policy, forgiven)]},
    }
    patched = ErrorBudgetPolicy.parse(await desk.cluster.patch(ErrorBudgetPolicy.api, key, patch))
    return _told(await desk.looked_at(patched, options.wait), forgiven)


def _carried(policy: ErrorBudgetPolicy) -> dict[str, Carried]:
    known = (*policy.status.objectives, *policy.status.others)
    return {state.name: state.carried for state in known if state.carried}


def _others(key: Key, carried: dict[str, Carried]) -> str:
    if carried:
        return f"; of these objectives it is: {', '.join(sorted(carried))}. Name one of them"
    return (
        ", nor of any other objective, so that there is nothing to forgive. Its status says what it goes by: "
        f"kubectl describe ebp {key.name} -n {key.namespace}"
    )


def _kept(policy: ErrorBudgetPolicy, more: Forgiven) -> list[Forgiven]:
    """What is forgiven already, the oldest first. Where there is no room, what nothing is carried of any more goes:
    the policy's timeline has it."""
    carried = {(name, each.since) for name, each in _carried(policy).items()}
    known = list(policy.spec.forgive)
    for each in list(known):
        if len(known) >= MAX_FORGIVEN and (each.objective, each.since) not in carried:
            known.remove(each)
    return [*known, more]


def _wire(forgiven: Forgiven) -> dict[str, str]:
    return {**forgiven.model_dump(mode="json", by_alias=True), "since": rfc3339(forgiven.since)}


def _told(policy: ErrorBudgetPolicy, forgiven: Forgiven) -> int:
    name, key = forgiven.objective, policy.key
    if is_unseen(policy):
        told = f"{key}: the operator has not looked at it yet, so what {name} had spent counts still. Is it running?"
        print(f"{told} See: kubectl get ebp {key.name} -n {key.namespace}", file=sys.stderr)
        return 2
    status = policy.status
    if (still := _carried(policy).get(name)) is not None:
        # It was changed again before the operator looked.
        since = rfc3339(still.since)
        print(f"{key}: {name} was changed again, and is carried since {since}: forgive it once more", file=sys.stderr)
        return 1
    print(f"{key}: what {name} had spent is forgiven. The policy is {status.state}: {status.reason}")
    return 0
