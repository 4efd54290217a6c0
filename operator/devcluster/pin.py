"""Rewrite the pinned Go modules under gomod/: run `python operator/devcluster/pin.py` after changing a version in `PINS`.

Each component has a module of its own, so that its dependencies are exactly those its authors tested.  Only `go.mod` and `go.sum` are
committed; they name module paths and checksums, never a host.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

GOMOD = Path(__file__).parent / "gomod"

KUBERNETES = ("cmd/kube-apiserver", "cmd/kube-controller-manager", "cmd/kube-scheduler")

#: directory -> (module, version, main packages below the module)
PINS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "etcd": ("go.etcd.io/etcd/server/v3", "v3.7.3", ("",)),
    "kubernetes-1.37": ("k8s.io/kubernetes", "v1.37.2", KUBERNETES),
    "kwok": ("sigs.k8s.io/kwok", "v0.8.0", ("cmd/kwok",)),
    "prometheus": ("github.com/prometheus/prometheus", "v0.316.0", ("cmd/prometheus", "cmd/promtool")),
    "alertmanager": ("github.com/prometheus/alertmanager", "v0.31.1", ("cmd/alertmanager",)),
    "helm": ("helm.sh/helm/v4", "v4.3.1", ("cmd/helm",)),
    "kubernetes-1.36": ("k8s.io/kubernetes", "v1.36.3", KUBERNETES),
    "kubernetes-1.35": ("k8s.io/kubernetes", "v1.35.4", KUBERNETES),
    "kubernetes-1.34": ("k8s.io/kubernetes", "v1.34.4", KUBERNETES),
}


def module_text(name: str, upstream: str) -> str:
    """The go.mod to tidy for component `name`, given the text of its module's own go.mod.

    `go` and `godebug` lines decide run-time behaviour and count only in the main module, so they are taken over; so are the
    versions of everything required.  Kubernetes requires its staging modules at v0.0.0 and replaces them by directories:
    the published copies of the same release stand in.
    """
    module, version, packages = PINS[name]
    go = re.search(r"^go (\S+)$", upstream, re.M)
    if go is None:
        raise SystemExit(f"{module}@{version}: its go.mod has no go line")
    lines = [f"module ninefold.dev/devcluster/{name.split('-')[0]}", "", f"go {go[1]}", ""]
    lines += [match[0] for match in re.finditer(r"^godebug (\([^)]*\)|.+)$", upstream, re.M)]
    lines += ["tool ("] + [f"\t{module}/{package}".rstrip("/") for package in packages] + [")", ""]
    requires = re.findall(r"^(?:require)?\s+([\w./~-]+\.[\w./~-]+) (v\S+)(?: // indirect)?$", upstream, re.M)
    staged = [path for path, at in requires if at == "v0.0.0"]
    lines += ["require ("] + [f"\t{path} {at}" for path, at in [(module, version), *requires]] + [")", ""]
    published = version.replace("v1.", "v0.", 1)
    lines += [f"replace {path} => {path} {published}" for path in staged]
    return "\n".join(lines) + "\n"


def pin(name: str) -> None:
    """Write gomod/`name`/{go.mod,go.sum} from the published module."""
    module, version, _ = PINS[name]
    info = json.loads(subprocess.check_output(["go", "mod", "download", "-json", f"{module}@{version}"], cwd="/"))
    directory = GOMOD / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "go.mod").write_text(module_text(name, Path(info["GoMod"]).read_text()))
    subprocess.check_call(["go", "mod", "tidy"], cwd=directory)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or PINS:
        pin(chosen)
