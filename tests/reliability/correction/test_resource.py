"""What a Correction may say, refused alike by the model and by the API server, with a sentence to act on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests import direct
from tests.builders.correction import ONCE, SUNDAYS, correction, manifest

import devcluster
from devcluster.errors import CommandError
from ninefold.kube.crd import crd
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.resource import Correction

RULE = "write a recurrence such as FREQ=WEEKLY;BYDAY=SU"

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"once": ONCE, "recurring": SUNDAYS}, "set exactly one of once or recurring"),
    ({"once": None, "recurring": None}, "set exactly one of once or recurring"),
    ({"objectives": {}}, "set exactly one of service, names or matchLabels"),
    ({"once": {**ONCE, "end": ONCE["start"]}}, "write an end after the start"),
    ({"once": {**ONCE, "end": "2026-11-23T17:00:00Z"}}, "write an end after the start"),
    ({"once": {**ONCE, "end": "2026-11-30T18:00:01Z"}}, "at most 7 days after the start"),
    ({"recurring": {**SUNDAYS, "duration": "8d"}}, "write a length of 1m to 7d in one unit"),
    ({"recurring": {**SUNDAYS, "duration": "0m"}}, "write a length of 1m to 7d in one unit"),
    ({"recurring": {**SUNDAYS, "duration": "1h30m"}}, "write a length of 1m to 7d in one unit"),
    ({"recurring": {**SUNDAYS, "start": "2026-13-01T02:00"}}, "write a local date and time such as 2026-11-01T02:00"),
    ({"recurring": {**SUNDAYS, "until": "2026-10-31T02:00"}}, "write an until that is not before the start"),
    ({"recurring": {**SUNDAYS, "timeZone": "?/Paris"}}, "write an IANA time zone"),
    *[
        ({"recurring": {**SUNDAYS, "rrule": rule}}, RULE)
        for rule in (
            "every Sunday",
            "FREQ=HOURLY;COUNT=1",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;BYMINUTE=0,30",
            "FREQ=DAILY;UNTIL=20270101T000000Z",
            "FREQ=DAILY\nRRULE:FREQ=DAILY",
        )
    ],
]

TAKEN: list[dict[str, Any]] = [
    {},
    {"once": ONCE, "category": "Deployment"},
    {"once": {**ONCE, "end": "2026-11-30T18:00:00Z"}, "objectives": {"names": ["a", "b"]}},
    {"recurring": {**SUNDAYS, "duration": "7d", "until": "2026-11-01T02:00"}},
    {"recurring": {**SUNDAYS, "rrule": "FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR,2MO;BYMONTH=1,12;BYHOUR=0,12;WKST=SU"}},
    {"objectives": {"matchLabels": {"tier": "1"}}, "category": "OutsideBusinessHours", "suspend": True},
]


def written(spec: dict[str, Any]) -> dict[str, Any]:
    """As it is written; what is None is left out."""
    result = manifest(**spec)
    result["spec"] = {name: value for name, value in result["spec"].items() if value is not None}
    return result


@pytest.mark.parametrize(("spec", "sentence"), REFUSED)
def test_the_model_refuses_with_a_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as error:
        Correction.parse(written(spec))
    assert sentence in error.value.message


@pytest.mark.parametrize("spec", TAKEN)
def test_the_model_takes(spec: dict[str, Any]) -> None:
    assert correction(**spec).spec.reason


def test_the_api_server_refuses_and_takes_the_same(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(Correction)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{Correction.api.name}")

    def create(spec: dict[str, Any]) -> dict[str, Any]:
        tried = {**written(spec), "metadata": {"name": "tried", "namespace": namespace}}
        return direct.create(cluster, tried, dry=True)

    for spec, sentence in REFUSED:
        with pytest.raises(CommandError) as error:
            create(spec)
        assert sentence in str(error.value), spec
    for spec in TAKEN:
        assert Correction.parse(create(spec)).spec == correction(**spec).spec
