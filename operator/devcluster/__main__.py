"""`python -m devcluster`: bring clusters up and down from a shell.  See docs/devcluster.md."""

import argparse
import json
import os
import sys
from contextlib import suppress

from devcluster import build
from devcluster.binaries import binary, prepare
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from devcluster.recipes import DEFAULT_VERSION, KUBERNETES, RECIPES, Recipe, recipe_of
from devcluster.starting import CONTROL_PLANE, TEMPORARY, attach, running, start

DEFAULT_NAME = "default"
#: what the tests and the demo run in addition to the control plane
TOOLS = ("kubectl", "prometheus", "promtool", "alertmanager", "helm")


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except DevclusterError as error:
        print(f"devcluster: {error}", file=sys.stderr)
        return 1
    return code


def _up(options: argparse.Namespace) -> int:
    if options.name in running():
        print(f"{options.name} is up already; `python -m devcluster down --name {options.name}` takes it down")
    else:
        cluster = start(
            options.version,
            prometheus=options.prometheus or options.alertmanager,
            alertmanager=options.alertmanager,
            nodes=options.nodes,
            own=options.own,
            name=options.name,
            detach=True,
        )
        if options.prometheus or options.alertmanager:
            cluster.sync_rules()
    return _env(options)


def _down(options: argparse.Namespace) -> int:
    name = options.name or _only()
    attach(name).stop()
    print(f"{name} is down")
    return 0


def _list(options: argparse.Namespace) -> int:
    clusters = {}
    for name in running():
        with suppress(DevclusterError, OSError):  # other clusters start and stop meanwhile
            clusters[name] = describe(attach(name))
    if options.json:
        print(json.dumps(clusters, indent=1))
    for name, facts in {} if options.json else clusters.items():
        print(f"{name}  Kubernetes {facts['version']}  KUBECONFIG={facts['kubeconfig']}")
    if not clusters and not options.json:
        print("no cluster runs; `python -m devcluster up` brings one up")
    return 0


def _env(options: argparse.Namespace) -> int:
    facts = describe(attach(options.name or _only()))
    if options.json:
        print(json.dumps(facts, indent=1))
        return 0
    names = {"kubeconfig": "KUBECONFIG", "kube_cache": "KUBECACHEDIR", "prometheus": "PROMETHEUS_URL"}
    names["alertmanager"] = "ALERTMANAGER_URL"
    for key, name in names.items():
        if facts[key]:
            print(f"export {name}={facts[key]}")
    return 0


def _kubectl(options: argparse.Namespace) -> int:
    cluster = attach(options.name or _only())
    program = str(cluster.binary("kubectl"))
    os.execve(program, [program, *options.arguments], {**os.environ, **cluster.environment})  # noqa: S606


def _build(options: argparse.Namespace) -> int:
    version = options.version or DEFAULT_VERSION
    if not options.names and not options.all:
        needed = (*CONTROL_PLANE, *TOOLS)
        prepare(needed, version)
        for name in needed:
            print(f"{name}  {binary(name, version)}")
        return 0
    recipes = {name: _recipe(name, version) for name in (RECIPES if options.all else options.names)}
    build.build_all(recipes.values())
    for name, recipe in recipes.items():
        print(f"{name}  {build.built(recipe)}")
    return 0


def _recipe(name: str, version: str) -> Recipe:
    """The recipe with this name, or the recipe of the program with this name."""
    recipe = RECIPES.get(name) or recipe_of(name, version)
    if recipe is None:
        raise DevclusterError(f"no recipe builds {name!r}: choose from {', '.join(RECIPES)}, or a program of theirs")
    return recipe


def _which(options: argparse.Namespace) -> int:
    print(binary(options.name, options.version or DEFAULT_VERSION))
    return 0


def describe(cluster: Cluster) -> dict[str, str | None]:
    """What a user of the cluster needs to know."""
    parts = cluster.processes()
    return {
        "version": cluster.version,
        "source": cluster.source,
        "isolated": "yes" if cluster.isolated else "no",
        "directory": str(cluster.directory),
        "kubeconfig": str(cluster.kubeconfig),
        "kube_cache": cluster.environment["KUBECACHEDIR"],
        "prometheus": cluster.prometheus.url if "prometheus" in parts else None,
        "alertmanager": cluster.alertmanager.url if "alertmanager" in parts else None,
    }


def _only() -> str:
    """The cluster of a command that names none; clusters of test runs do not count."""
    names = [name for name in running() if not name.startswith(TEMPORARY)]
    if len(names) == 1:
        return names[0]
    if not names:
        raise DevclusterError("no cluster runs; `python -m devcluster up` brings one up")
    raise DevclusterError(f"several clusters run: name one of {', '.join(names)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devcluster", description="A real control plane on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", help="which cluster, if several run")
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="print JSON")
    versioned = argparse.ArgumentParser(add_help=False)
    versioned.add_argument("--version", choices=list(KUBERNETES), help=f"Kubernetes minor (default {DEFAULT_VERSION})")

    up = commands.add_parser("up", parents=[machine, versioned], help="bring a cluster up; it stays until `down`")
    up.add_argument("--name", default=DEFAULT_NAME, help=f"the name of the cluster (default {DEFAULT_NAME})")
    up.add_argument(
        "--prometheus", action="store_true", help="start Prometheus, and load rules from labelled ConfigMaps"
    )
    up.add_argument("--alertmanager", action="store_true", help="start Alertmanager and Prometheus")
    up.add_argument("--nodes", type=int, default=1, help="how many nodes kwok simulates (default 1)")
    up.add_argument("--own", action="store_true", help="always start a separate control plane")
    up.set_defaults(run=_up)
    down = commands.add_parser("down", parents=[named], help="take a cluster down and remove its files")
    down.set_defaults(run=_down)
    commands.add_parser("list", parents=[machine], help="the clusters that run").set_defaults(run=_list)
    env = commands.add_parser("env", parents=[named, machine], help="shell variables for a cluster")
    env.set_defaults(run=_env)
    kubectl = commands.add_parser("kubectl", parents=[named], help="kubectl on a cluster")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    kubectl.set_defaults(run=_kubectl)
    builder = commands.add_parser("build", parents=[versioned], help="build every program in advance")
    builder.add_argument("names", nargs="*", help="build these programs (default: find or build what the tests need)")
    builder.add_argument("--all", action="store_true", help="every component and every Kubernetes minor")
    builder.set_defaults(run=_build)
    which = commands.add_parser("which", parents=[versioned], help="the path of a program, built if necessary")
    which.add_argument("name", help="the program, as in `build`: helm, promtool, ...")
    which.set_defaults(run=_which)
    return parser


if __name__ == "__main__":
    sys.exit(main())
