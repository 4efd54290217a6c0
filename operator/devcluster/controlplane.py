"""The command line of every part of the control plane."""

from dataclasses import dataclass
from pathlib import Path

from devcluster.pki import Authority

SERVICES = "10.96.0.0/16"

#: the ports inside; a cluster in its own network namespace uses all of them alone
PORTS = {
    "etcd": 2379,
    "etcd-peer": 2380,
    "kube-apiserver": 6443,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
    "kwok": 10247,
    "prometheus": 9090,
    "alertmanager": 9093,
}

#: Reads count too: tests check who listed what.  The probes of health endpoints are noise.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*", "/version"]
- level: Metadata
"""


@dataclass(frozen=True)
class ControlPlane:
    """Writes the configuration of one cluster below `directory` and returns the command lines of its parts."""

    directory: Path
    authority: Authority
    ports: dict[str, int]

    @property
    def server(self) -> str:
        """The API server's address inside."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def audit_log(self) -> Path:
        """One JSON event per line, written before the request is answered."""
        return self.directory / "audit.log"

    def etcd(self) -> list[str]:
        """TLS with client certificates: on a shared loopback, no other user can read or write it."""
        certificate, key = self.authority.server("etcd")
        client = f"https://127.0.0.1:{self.ports['etcd']}"
        peer = f"https://127.0.0.1:{self.ports['etcd-peer']}"
        tls = {"cert-file": certificate, "key-file": key, "trusted-ca-file": self.authority.certificate_file}
        options: dict[str, object] = {
            "name": "default",
            "data-dir": self.directory / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            **tls,
            "client-cert-auth": True,
            **{f"peer-{option}": path for option, path in tls.items()},
            "peer-client-cert-auth": True,
            # A cluster for tests does not need to survive a power cut, and syncing is most of the time of a write.
            "unsafe-no-fsync": True,
            "log-level": "warn",
        }
        return ["etcd", *_flags(options)]

    def kube_apiserver(self) -> list[str]:
        """RBAC, client certificates, an audit log."""
        policy = self.directory / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        certificate, key = self.authority.server("kube-apiserver")
        etcd_certificate, etcd_key = self.authority.client("kube-apiserver-etcd", "kube-apiserver")
        signing = self.authority.service_account_key()
        options: dict[str, object] = {
            "etcd-servers": f"https://127.0.0.1:{self.ports['etcd']}",
            "etcd-cafile": self.authority.certificate_file,
            "etcd-certfile": etcd_certificate,
            "etcd-keyfile": etcd_key,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            # The service `kubernetes` cannot have a loopback address as its endpoint.
            "endpoint-reconciler-type": "none",
            "secure-port": self.ports["kube-apiserver"],
            "tls-cert-file": certificate,
            "tls-private-key-file": key,
            "client-ca-file": self.authority.certificate_file,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-signing-key-file": signing,
            "service-account-key-file": signing,
            "service-cluster-ip-range": SERVICES,
            "allow-privileged": True,
            "audit-policy-file": policy,
            "audit-log-path": self.audit_log,
        }
        return ["kube-apiserver", *_flags(options)]

    def kube_controller_manager(self) -> list[str]:
        """All the usual controllers, faster than by default: tests create and delete many namespaces."""
        options: dict[str, object] = {
            **self._client("kube-controller-manager", "system:kube-controller-manager"),
            "secure-port": self.ports["kube-controller-manager"],
            "service-account-private-key-file": self.authority.directory / "service-account.key",
            # Without it no pod gets its token volume.
            "root-ca-file": self.authority.certificate_file,
            "cluster-signing-cert-file": self.authority.certificate_file,
            "cluster-signing-key-file": self.authority.key_file,
            "use-service-account-credentials": True,
            "service-cluster-ip-range": SERVICES,
            "kube-api-qps": 200,
            "kube-api-burst": 400,
        }
        return ["kube-controller-manager", *_flags(options)]

    def kube_scheduler(self) -> list[str]:
        """Places pods on all nodes."""
        options = self._client("kube-scheduler", "system:kube-scheduler")
        options["secure-port"] = self.ports["kube-scheduler"]
        return ["kube-scheduler", *_flags(options)]

    def kwok(self) -> list[str]:
        """Simulates the nodes that carry its annotation; it leaves other, real nodes unchanged."""
        kubeconfig = self.authority.kubeconfig(
            self.directory / "kwok.kubeconfig", self.server, "kwok", "kwok", ["system:masters"]
        )
        options: dict[str, object] = {
            "kubeconfig": kubeconfig,
            "config": Path(__file__).parent / "stages.yaml",
            "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
            "server-address": f"127.0.0.1:{self.ports['kwok']}",
            # Renewed four times as often: far from the node grace period of 50 s, even on a slow machine.  A kwok that
            # restarts first waits for the old one's lease to expire.
            "node-lease-duration-seconds": 16,
        }
        return ["kwok", *_flags(options)]

    def _client(self, name: str, user: str) -> dict[str, object]:
        kubeconfig = self.authority.kubeconfig(self.directory / f"{name}.kubeconfig", self.server, name, user)
        return {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "leader-elect": False,
        }


def _flags(options: dict[str, object]) -> list[str]:
    """--name=value for each; booleans as Go's flag packages read them."""
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]
