"""Reading manifests: places, lists, repeated keys, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ninefold.cli.shared.files import Document, read


def _read(path: Path, text: str, **options: bool) -> tuple[list[Document], list[str]]:
    (path / "in.yaml").write_text(text)
    documents, findings = read([str(path / "in.yaml")], **options)
    return documents, [str(finding).removeprefix(f"{path}/") for finding in findings]


def test_each_document_knows_where_its_fields_stand(tmp_path: Path) -> None:
    documents, _ = _read(
        tmp_path, "# a\napiVersion: v1\nkind: A\n---\n\napiVersion: v1\nkind: B\nspec:\n  list:\n  - x: 1\n"
    )
    assert [document.line() for document in documents] == [2, 6]
    second = documents[1]
    assert second.line(("spec", "list", 0, "x")) == 10
    assert second.line(("spec", "list", 7, "y")) == 9, "a field that is missing would stand below its parent"
    assert second.line(("nothing",)) == 6


def test_a_list_is_its_items(tmp_path: Path) -> None:
    items = "- apiVersion: v1\n  kind: A\n- apiVersion: v1\n  kind: B\n"
    documents, _ = _read(tmp_path, f"apiVersion: v1\nkind: List\nitems:\n{items}")
    assert [(document.manifest["kind"], document.line()) for document in documents] == [("A", 4), ("B", 6)]


def test_json_is_read_as_well(tmp_path: Path) -> None:
    documents, _ = _read(tmp_path, json.dumps({"apiVersion": "v1", "kind": "A"}, indent=2))
    assert documents[0].manifest == {"apiVersion": "v1", "kind": "A"}


def test_what_looks_like_a_date_stays_text(tmp_path: Path) -> None:
    documents, _ = _read(tmp_path, "apiVersion: v1\nkind: A\nat: 2026-11-23\n")
    assert documents[0].manifest["at"] == "2026-11-23"


def test_keys_that_stand_twice_are_found_at_any_depth(tmp_path: Path) -> None:
    documents, _ = _read(tmp_path, "apiVersion: v1\nkind: A\nspec:\n- a: 1\n  b: 2\n  a: 3\n")
    assert list(documents[0].repeated()) == [("a", 6)]


def test_a_document_that_refers_to_itself_ends(tmp_path: Path) -> None:
    documents, _ = _read(tmp_path, "apiVersion: v1\nkind: A\nspec: &a {b: *a, c: 1, c: 2}\n")
    assert list(documents[0].repeated()) == [("c", 3)]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: [\n", "in.yaml:2: this is not YAML: did not find expected node content"),
        ("- 1\n", "in.yaml:1: this is not an object: write apiVersion and kind"),
        ("kind: A\n", "in.yaml:1: this is not an object: write apiVersion and kind"),
        ("apiVersion: 1\nkind: A\n", "in.yaml:1: this is not an object: write apiVersion and kind"),
        ("? [a]\n: b\n? {c: d}\n: e\n", "in.yaml:1: this is not YAML: found unhashable key"),
    ],
)
def test_what_is_no_object_is_told_with_its_place(tmp_path: Path, text: str, finding: str) -> None:
    documents, findings = _read(tmp_path, text)
    assert (documents, findings) == ([], [finding])


def test_a_broken_file_does_not_hide_what_stands_before_it_or_in_others(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: A\n---\n{")
    (tmp_path / "b.yml").write_text("apiVersion: v1\nkind: B\n")
    (tmp_path / "c.txt").write_text("not read")
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\xff")
    documents, findings = read([str(tmp_path)])
    assert [document.manifest["kind"] for document in documents] == ["A", "B"]
    assert [Path(finding.file).name for finding in findings] == ["a.yaml", "d.yaml"]


def test_directories_of_directories_are_read_when_asked(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.json").write_text('{"apiVersion": "v1", "kind": "A"}')
    documents, findings = read([str(tmp_path)])
    assert not documents
    assert "there is no .yaml, .yml, .json file in this directory" in str(findings[0])
    documents, findings = read([str(tmp_path)], recursive=True)
    assert (len(documents), findings) == (1, [])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    _, findings = read([str(tmp_path / "nope.yaml")])
    assert str(findings[0]) == f"{tmp_path}/nope.yaml: cannot be read: No such file or directory"
