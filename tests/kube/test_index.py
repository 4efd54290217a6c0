"""A lookup by an index gives what a walk over the store gives, whatever came before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube.api import CONFIG_MAP, DEPLOYMENT, Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.store import Store

COLOURS = ("red", "blue", "green")


def colours(manifest: Manifest) -> Iterable[Hashable]:
    """Fails for an object that has none."""
    return [(Key.of(manifest).namespace, colour) for colour in manifest["data"]["colours"]]


def config_map(name: str, version: int, kept: list[str] | None, namespace: str = "hall") -> dict[str, Any]:
    data = {} if kept is None else {"colours": kept}
    return {"metadata": {"namespace": namespace, "name": name, "resourceVersion": str(version)}, "data": data}


EVENTS = st.tuples(
    st.sampled_from(["put", "put", "remove", "relist"]),
    st.sampled_from(["hall", "attic"]),
    st.sampled_from(["a", "b", "c"]),
    st.one_of(st.none(), st.lists(st.sampled_from(COLOURS))),
    st.integers(-2, 2),
)


@given(st.lists(EVENTS, max_size=40), st.integers(0, 10))
def test_a_lookup_is_a_walk(events: list[tuple[str, str, str, list[str] | None, int]], asked_first: int) -> None:
    """Versions come late, twice and out of order; some objects cannot be read."""
    store, index = Store(), Index(CONFIG_MAP, colours)
    for number, (event, namespace, name, kept, late) in enumerate(events, 1):
        manifest = config_map(name, 3 * number + 4 * late, kept, namespace)
        match event:
            case "put":
                store.put(CONFIG_MAP, manifest)
            case "remove":
                store.remove(CONFIG_MAP, manifest)
            case "relist":
                for known in list(store.all(CONFIG_MAP)):
                    store.put(CONFIG_MAP, known)
        if number >= asked_first:
            expect_same(store, index)
    expect_same(store, index)


def expect_same(store: Store, index: Index) -> None:
    for namespace in ("hall", "attic"):
        for colour in COLOURS:
            walked = [
                manifest
                for manifest in store.all(CONFIG_MAP)
                if Key.of(manifest).namespace == namespace and colour in manifest["data"].get("colours", ())
            ]
            found = store.found(index, (namespace, colour))
            assert sorted(map(id, found)) == sorted(map(id, walked))


def test_an_index_is_of_one_resource() -> None:
    asked: list[Api] = []
    store = Store()
    index = Index(CONFIG_MAP, lambda manifest: asked.append(CONFIG_MAP) or ["x"])  # type: ignore[func-returns-value]
    assert store.found(index, "x") == []
    store.put(DEPLOYMENT, config_map("a", 1, None))
    assert asked == []
    store.put(CONFIG_MAP, config_map("a", 1, None))
    assert len(store.found(index, "x")) == 1
    assert store.found(Index(CONFIG_MAP, colours), "x") == []
