"""The components of devcluster: the Go module, version and binaries of each."""

from dataclasses import dataclass, field
from pathlib import Path

GOMOD = Path(__file__).parent / "gomod"


@dataclass(frozen=True)
class Recipe:
    """One `go build`: everything that determines the bytes of its binaries is here or in gomod/<name>/."""

    name: str
    module: str
    version: str
    #: binary -> its main package, relative to the module
    binaries: dict[str, str]
    tags: str = ""
    #: `-X` variables without which the program does not know its own version
    stamp: tuple[str, ...] = ()
    #: modules that the authors replace by a directory of their repository, and the published version of that directory
    published: dict[str, str] = field(default_factory=dict)
    #: binary -> the image that its project publishes, and the path in it
    images: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where its pinned go.mod and go.sum are."""
        return GOMOD / self.name

    @property
    def released(self) -> str:
        """The usual form of the version: "1.2.3".  Prometheus publishes 3.16.0 as the module version v0.316.0."""
        major, minor, patch = self.version.removeprefix("v").split(".")
        if major == "0" and len(minor) > 2:
            major, minor = minor[:-2], str(int(minor[-2:]))
        return f"{major}.{minor}.{patch}"

    @property
    def packages(self) -> list[str]:
        """The main packages by their full import paths."""
        return [f"{self.module}/{package}".rstrip("/") for package in self.binaries.values()]


def _kubernetes(version: str, *more: str) -> Recipe:
    major, minor, _ = version.removeprefix("v").split(".")
    base = "k8s.io/component-base/version"
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", *more)
    stamp = [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean")]
    return Recipe(
        name=f"kubernetes-{major}.{minor}",
        module="k8s.io/kubernetes",
        version=version,
        binaries={name: f"cmd/{name}" for name in names},
        stamp=tuple(f"{base}.{key}={value}" for key, value in stamp),
        images={name: (f"registry.k8s.io/{name}:{version}", f"/usr/local/bin/{name}") for name in names[:3]},
    )


#: Kubernetes by minor version.  No kubectl wheel is within one minor of 1.34, so its kubectl is built with the servers.
KUBERNETES = {
    "1.37": _kubernetes("v1.37.2"),
    "1.36": _kubernetes("v1.36.3"),
    "1.35": _kubernetes("v1.35.4"),
    "1.34": _kubernetes("v1.34.4", "kubectl"),
}
DEFAULT_VERSION = "1.37"

_prometheus = "github.com/prometheus"
OTHERS = (
    Recipe(
        "etcd",
        "go.etcd.io/etcd/server/v3",
        "v3.7.3",
        {"etcd": ""},
        images={"etcd": ("gcr.io/etcd-development/etcd:v3.7.3", "/usr/local/bin/etcd")},
    ),
    Recipe(
        "kwok",
        "sigs.k8s.io/kwok",
        "v0.8.0",
        {"kwok": "cmd/kwok"},
        images={"kwok": ("registry.k8s.io/kwok/kwok:v0.8.0", "/usr/local/bin/kwok")},
    ),
    Recipe(
        "prometheus",
        f"{_prometheus}/prometheus",
        "v0.316.0",
        {"prometheus": "cmd/prometheus", "promtool": "cmd/promtool"},
        # Service discovery of every cloud is most of Prometheus' build time, and the plain build of this release fails.
        tags="remove_all_sd,enable_kubernetes_sd",
        stamp=("github.com/prometheus/common/version.Version=3.16.0",),
        images={name: ("quay.io/prometheus/prometheus:v3.16.0", f"/bin/{name}") for name in ("prometheus", "promtool")},
    ),
    Recipe(
        "alertmanager",
        f"{_prometheus}/alertmanager",
        "v0.31.1",
        {"alertmanager": "cmd/alertmanager"},
        stamp=("github.com/prometheus/common/version.Version=0.31.1",),
        images={"alertmanager": ("quay.io/prometheus/alertmanager:v0.31.1", "/bin/alertmanager")},
    ),
    Recipe(
        "helm",
        "helm.sh/helm/v4",
        "v4.3.1",
        {"helm": "cmd/helm"},
        stamp=("helm.sh/helm/v4/internal/version.version=v4.3.1",),
    ),
    # Checks .github/workflows in `make lint`.
    Recipe("actionlint", "github.com/rhysd/actionlint", "v1.7.12", {"actionlint": "cmd/actionlint"}),
)
#: Programs that Ninefold must work with: built only for `make test-peers` and `make bench`.
PEERS = (
    Recipe(
        "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        {"prometheus-operator": "cmd/operator", "prometheus-operator-admission-webhook": "cmd/admission-webhook"},
        stamp=(f"{_prometheus}/common/version.Version=0.85.0",),
    ),
    Recipe("kustomize-controller", "github.com/fluxcd/kustomize-controller", "v1.9.5", {"kustomize-controller": ""}),
    Recipe(
        "argo-rollouts",
        "github.com/argoproj/argo-rollouts",
        "v1.10.1",
        {"rollouts-controller": "cmd/rollouts-controller"},
    ),
    Recipe("flagger", "github.com/fluxcd/flagger", "v1.36.1", {"flagger": "cmd/flagger"}),
    Recipe(
        "argocd",
        "github.com/argoproj/argo-cd/v3",
        "v3.5.7",
        {"argocd": "cmd"},
        stamp=("github.com/argoproj/argo-cd/v3/common.version=3.5.7",),
        published={"github.com/argoproj/argo-cd/gitops-engine": "v0.0.0-20260914071520-c9c369efcc5b"},
    ),
    Recipe(
        "sloth",
        "github.com/slok/sloth",
        "v0.16.0",
        {"sloth": "cmd/sloth"},
        stamp=("github.com/slok/sloth/internal/info.Version=0.16.0",),
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*KUBERNETES.values(), *OTHERS, *PEERS)}


def recipe_of(binary: str, version: str = DEFAULT_VERSION) -> Recipe | None:
    """The recipe that builds `binary`, for the Kubernetes minor `version`; None if no recipe builds it."""
    for recipe in (KUBERNETES[version], *OTHERS, *PEERS):
        if binary in recipe.binaries:
            return recipe
    return None
