"""A cluster has a network of its own, and nothing leaves it."""

import errno
import json
import sys

import devcluster
from devcluster import waiting

#: an address kept for documentation, one of kwok's pods, and one that any machine with an uplink would route
OUTSIDE = ("192.0.2.1", "10.0.0.1", "198.51.100.7")

CONNECT = """
import json, socket, sys
def attempt(address):
    with socket.socket() as sock:
        sock.settimeout(60)
        return sock.connect_ex((address, 80))
print(json.dumps([attempt(address) for address in sys.argv[1:]]))
"""

SERVE = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port={}, bind='127.0.0.1')"


def test_a_connection_to_the_outside_fails_at_once(cluster: devcluster.Cluster) -> None:
    process = cluster.spawn("connect", [sys.executable, "-c", CONNECT, *OUTSIDE])
    assert process.wait(timeout=90) == 0, process.tail()
    assert json.loads(process.tail()) == [errno.ENETUNREACH] * len(OUTSIDE)


def test_there_is_nothing_but_loopback_and_no_route(cluster: devcluster.Cluster) -> None:
    process = cluster.spawn("interfaces", ["cat", "/proc/net/route", "/proc/net/dev"])
    process.wait()
    routes_and_devices = process.tail().splitlines()
    assert [line.split(":")[0].strip() for line in routes_and_devices if ":" in line] == ["lo"]
    assert not [line for line in routes_and_devices if "0003" in line.split()], "a gateway"


def test_a_port_inside_is_reached_through_loopback(cluster: devcluster.Cluster) -> None:
    port = cluster.free_port()
    server = cluster.spawn("server", [sys.executable, "-c", SERVE.format(port)], cwd=cluster.directory)
    address = cluster.forward(port)
    assert address.startswith("127.0.0.1:")
    assert address == cluster.forward(port)
    page = devcluster.web.Web(f"http://{address}")
    waiting.until(lambda: "cluster.json" in page.request("GET", "/")[1], "the server answers", 15)
    server.stop()
    assert server.poll() is not None


def test_two_run_side_by_side(cluster: devcluster.Cluster) -> None:
    with devcluster.start(own=True, nodes=2) as other:
        namespace = other.namespace()
        assert other.kubeconfig != cluster.kubeconfig
        assert namespace not in cluster.kubectl("get", "namespaces")
        assert namespace in other.kubectl("get", "namespaces")
        assert len(other.kubectl("get", "nodes", "-o", "name").split()) == 2
    assert cluster.kubectl("get", "nodes", "-o", "name").split() == ["node/node-0"]


def test_a_spawned_process_uses_the_cluster_from_inside(cluster: devcluster.Cluster) -> None:
    process = cluster.spawn("inside", [cluster.binary("kubectl"), "get", "nodes", "-o", "name"])
    assert process.wait() == 0, process.tail()
    assert process.tail() == "node/node-0\n"
