"""Which record is due next, and what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.builders.release import revision, stored

from ninefold.kube.api import Key
from ninefold.release.release.records import key_for, next_record, of_workload
from ninefold.release.release.resource import Release


class Book:
    """The records of one workload, written one after another."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, image: str, outcome: str = "Succeeded", **metadata: Any) -> dict[str, Any]:
        record = next_record(revision(image, **metadata), self.records, "checkout", ())
        self.records.append(stored(record, outcome=outcome))
        return self.records[-1]


def test_a_revision_has_one_record_however_often_one_looks() -> None:
    book = Book()
    first = book.write("checkout:v1")
    assert key_for(revision("checkout:v1"), book.records) == Key.of(first)
    second = book.write("checkout:v2")
    assert key_for(revision("checkout:v2"), book.records) == Key.of(second)
    assert [record["spec"]["sequence"] for record in book.records] == [1, 2]


def test_a_rollback_gets_a_record_of_its_own_that_names_the_release_it_goes_back_to() -> None:
    book = Book()
    good = book.write("checkout:v1")
    book.write("checkout:v2")
    back = book.write("checkout:v1")
    assert back["spec"]["rollsBackTo"] == good["metadata"]["name"]
    assert back["metadata"]["name"] != good["metadata"]["name"]


def test_what_was_undone_and_comes_again_is_a_release() -> None:
    book = Book()
    book.write("checkout:v1")
    book.write("checkout:v2")
    book.write("checkout:v1")
    # Its own status may not say RolledBack yet: the record that follows it does.
    assert "rollsBackTo" not in book.write("checkout:v2")["spec"]


def test_what_never_was_rolled_out_is_no_place_to_go_back_to() -> None:
    for outcome in ("Aborted", "Superseded", "RolledBack", "Progressing"):
        book = Book()
        book.write("checkout:v1", outcome)
        book.write("checkout:v2")
        assert "rollsBackTo" not in book.write("checkout:v1")["spec"]


def test_the_same_images_with_another_template_are_no_rollback() -> None:
    book = Book()
    book.write("checkout:v1")
    book.write("checkout:v2")
    changed = replace(revision("checkout:v2"), hash="other")
    assert "rollsBackTo" not in next_record(changed, book.records, "checkout", ())["spec"]


def test_a_return_to_an_earlier_template_of_the_same_images_is_a_rollback() -> None:
    book = Book()
    good = book.write("checkout:v1")
    changed = next_record(replace(revision("checkout:v1"), hash="other"), book.records, "checkout", ())
    book.records.append(stored(changed, outcome="Succeeded"))
    assert book.write("checkout:v1")["spec"]["rollsBackTo"] == good["metadata"]["name"]


def test_annotations_that_stayed_behind_are_not_believed() -> None:
    book = Book()
    notes = {"org.opencontainers.image.revision": "a1b2c3d", "ninefold.dev/author": "ada"}
    assert book.write("checkout:v1", annotations=notes)["spec"]["change"]["commit"] == "a1b2c3d"
    # As after `kubectl set image`.
    assert "change" not in book.write("checkout:v2", annotations=notes)["spec"]
    fresh = {"org.opencontainers.image.revision": "e4f5a6b", "ninefold.dev/author": "ada"}
    assert book.write("checkout:v3", annotations=fresh)["spec"]["change"]["commit"] == "e4f5a6b"


def test_the_service_is_labelled_or_that_of_the_objectives_or_the_workload() -> None:
    def service(services: list[str], **metadata: Any) -> str:
        return str(next_record(revision(**metadata), [], "checkout", services)["spec"]["service"])

    assert service(["shop"], labels={"ninefold.dev/service": "web"}) == "web"
    assert service(["shop", "shop"]) == "shop"
    assert service(["shop", "cart"]) == service([]) == "checkout"


def test_workloads_of_one_name_and_different_kinds_have_records_of_their_own() -> None:
    book = Book()
    book.write("checkout:v1")
    assert of_workload(book.records, "StatefulSet", "checkout") == []


SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"


def test_a_long_name_is_not_cut_into_a_wrong_one() -> None:
    for name in ("a." * 126 + "a", "a-" * 126 + "a", "b" + "a." * 126, "a" * 253):
        key = key_for(revision(name=name.rstrip(".")), [])
        assert re.fullmatch(SUBDOMAIN, key.name)
        assert len(key.name) <= 253


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True), st.integers(1, 10_000))
def test_names_are_names_of_objects(name: str, number: int) -> None:
    book = Book()
    book.write("checkout:v1")
    book.records[0]["spec"]["sequence"] = number
    key = key_for(revision("checkout:v2", name=name), book.records)
    assert len(key.name) <= 253
    assert key.name[0].isalnum()
    assert f"-{number + 1}-" in key.name


def test_a_record_can_be_read_back() -> None:
    record = next_record(revision(), [], "checkout", ())
    assert Release.parse(record).spec.images == ["checkout:v1"]
    assert record["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "ninefold"}
