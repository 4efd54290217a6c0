"""An Event has a name that the API server takes, whatever its object is called."""

from __future__ import annotations

import asyncio
import re
from typing import cast

import pytest

from ninefold.kube.api import Api, Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.clock import SystemClock
from ninefold.kube.events import Recorder
from ninefold.kube.model import Metadata
from ninefold.kube.plan import Note
from tests.kube.lamp import Lamp

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


class Noting:
    """All that an Event which is new asks of the API server."""

    def __init__(self) -> None:
        self.created: list[Manifest] = []

    async def create(self, api: Api, manifest: Manifest) -> Manifest:
        self.created.append(manifest)
        return manifest


@pytest.mark.parametrize("name", ["a", "a" * 229 + "-" + "b" * 20, "a" * 228 + ".b" + "c" * 9, "a" * 229 + ".b"])
def test_the_name_of_an_event_is_one(name: str) -> None:
    noting = Noting()
    metadata = Metadata(name=name, namespace="hall", uid="u")
    recorder = Recorder(cast(Cluster, noting), SystemClock(), "me")
    asyncio.run(recorder._write(Lamp.api, metadata, Note("Normal", "Lit", "It is lit.")))
    (event,) = noting.created
    assert len(event["metadata"]["name"]) <= 253
    assert re.fullmatch(f"{LABEL}([.]{LABEL})*", event["metadata"]["name"])
