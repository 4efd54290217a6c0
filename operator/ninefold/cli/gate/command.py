"""`ninefold gate`: check a release gate, close and open it by hand, and override it in an emergency.

ninefold gate check checkout --wait 10m       in a pipeline: 0 open, 1 closed, 2 unknown or a usage error
ninefold gate check --workload Deployment/checkout    the same for all gates that cover it
ninefold gate list                            the gates of a namespace, and what they decide
ninefold gate explain checkout                why, since when, until when, and what passes
ninefold gate close checkout --reason TEXT    closes it by hand (--for 2h: it ends by itself)
ninefold gate open checkout                   undoes close; other reasons stay
ninefold gate override checkout --for 30m --reason TEXT
ninefold gate approve OVERRIDE                approves another user's override
ninefold gate close production --cluster --reason TEXT      closes a ClusterReleaseGate
ninefold gate backtest                        what gates and policies would have done over the last month
ninefold gate sign shop/checkout --key-file FILE   signs the webhooks of a Flagger canary
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from ninefold.cli.gate import actions, explain, listing, override, sign
from ninefold.cli.gate.backtest import command as replay
from ninefold.cli.gate.client import Desk
from ninefold.cli.shared import cluster, liveness
from ninefold.cli.shared.options import length, reason
from ninefold.cli.shared.parser import Parser
from ninefold.kube.api import Api
from ninefold.release.workloads.workload import WORKLOADS

Act = Callable[[Desk, argparse.Namespace], Awaitable[int]]
_Acts: TypeAlias = "argparse._SubParsersAction[Parser]"


def main(arguments: Sequence[str]) -> int:
    own = parser()
    options = own.parse_args(arguments)
    if options.act is None:
        code: int = options.run(options)
        return code
    act: Act = options.act
    if not options.name and (options.cluster or not options.workload):
        own.error("name a gate, or the workload that is to change: --workload Deployment/checkout")
    namespace = "" if options.cluster else cluster.namespace(options)
    # A user who may not read a gate does not know its decision; the API server's refusal of an action is an answer.
    forbidden = 2 if act in (actions.check, explain.explain) else 1
    return cluster.acted(options, lambda cluster: act(Desk(cluster, namespace), options), forbidden)


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(required=True, metavar="ACT")
    check = _add(
        acts, "check", actions.check, "report whether change passes: 0 open, 1 closed, 2 unknown", needed=False
    )
    check.add_argument("--wait", type=length, metavar="TIME", help="wait this long for it to open, such as 10m")
    check.add_argument("--image", action="append", default=[], help="an image to roll out; may be repeated")
    check.add_argument(
        "--workload",
        type=_workload,
        metavar="KIND/NAME",
        help="the workload that would run them, such as Deployment/checkout; without GATE: all gates that cover it",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    liveness.add_arguments(check)
    _add_scope(check)
    summary = "show the gates of a namespace, and their decisions"
    listed = acts.add_parser("list", help=summary, description=summary)
    listed.set_defaults(act=None, run=listing.run)
    cluster.add_arguments(listed)
    listed.add_argument("--json", action="store_true", help="print JSON")
    explained = _add(acts, "explain", explain.explain, "explain why it is open or closed")
    explained.add_argument("--json", action="store_true", help="print JSON")
    liveness.add_arguments(explained)
    _add_scope(explained)
    close = _add(acts, "close", actions.close, "close it by hand")
    close.add_argument("--reason", type=reason, required=True, help="why, for users whose change is refused")
    close.add_argument(
        "--for",
        dest="length",
        type=length,
        metavar="TIME",
        help="for this long, such as 2h (default: until it is opened)",
    )
    close.add_argument("--deny", action="store_true", help="delivery tools abort instead of waiting")
    _add_scope(close)
    _add_scope(_add(acts, "open", actions.open_, "undo a closing by hand"))
    overriding = _add(acts, "override", override.override, "let change pass while it is closed")
    overriding.add_argument("--reason", type=reason, required=True, help="why, for the record")
    overriding.add_argument(
        "--for", dest="length", type=length, required=True, metavar="TIME", help="for this long, such as 30m"
    )
    overriding.add_argument("--image", action="append", default=[], help="only this image; may be repeated")
    cluster.add_wait(overriding)
    _add(acts, "approve", override.approve, "approve another user's override", name="override")
    signed = acts.add_parser("sign", help="print metadata.signature for the webhooks of a Flagger canary")
    signed.set_defaults(act=None, run=sign.sign)
    sign.add_arguments(signed)
    summary = "report how often gates would have been closed over history, and what they would have stopped"
    replayed = acts.add_parser("backtest", help=summary, description=f"{summary}; it reads the objectives' recordings")
    replayed.set_defaults(act=None, run=replay.run)
    replay.add_arguments(replayed)
    return parser


def _add(
    acts: _Acts, verb: str, act: Act, summary: str, name: str = "gate", *, needed: bool = True
) -> argparse.ArgumentParser:
    parser = acts.add_parser(verb, help=summary, description=summary)
    parser.set_defaults(act=act, cluster=False)
    parser.add_argument("name", metavar=name.upper(), nargs=None if needed else "?")
    parser.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    cluster.add_context(parser)
    return parser


def _add_scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cluster", action="store_true", help="the ClusterReleaseGate of this name")


def _workload(text: str) -> tuple[Api, str]:
    kind, _, name = text.partition("/")
    found = next((api for api in WORKLOADS if api.kind.lower() == kind.lower()), None)
    if found is None or not name:
        raise argparse.ArgumentTypeError(f"write kind and name, such as Deployment/checkout, not {text}")
    return found, name
