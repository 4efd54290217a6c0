"""What is committed is what the code says, and `ninefold crds` keeps it so."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ninefold.cli.crds import command as crds
from ninefold.cli.crds.generated import HEADER, as_yaml, files
from ninefold.kinds import GUARDS, MODELS, RECORDS, controllers


def test_the_committed_files_are_what_the_code_says(root: Path) -> None:
    assert crds.check(root) == [], "run `make crds` and commit the result"


def test_write_brings_everything_up_to_date_and_removes_what_is_gone(tmp_path: Path) -> None:
    crds.write(tmp_path)
    stale, orphan = tmp_path / "crds" / f"{MODELS[0].api.plural}.yaml", tmp_path / "crds" / "gone.yaml"
    stale.write_text("changed by hand")
    orphan.write_text(HEADER)
    (tmp_path / "manifests/base/mine.yaml").write_text("not generated")
    assert [path.name for path in crds.check(tmp_path)] == ["gone.yaml", stale.name]
    assert crds.write(tmp_path) == [orphan.relative_to(tmp_path), stale.relative_to(tmp_path)]
    assert crds.check(tmp_path) == []
    assert (tmp_path / "manifests/base/mine.yaml").exists()


def test_check_fails_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main(["--check", "--root", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "stale crds/" in said.out
    assert "make crds" in said.err
    assert crds.main(["--write", "--root", str(tmp_path)]) == 0
    assert crds.main(["--check", "--root", str(tmp_path)]) == 0


def test_printed_the_crds_are_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main([]) == 0
    documents = list(yaml.load_all(capsys.readouterr().out, yaml.CSafeLoader))
    assert [document["metadata"]["name"] for document in documents] == [kind.api.name for kind in MODELS]


def test_yaml_has_no_anchors_and_keeps_the_order() -> None:
    shared = {"b": 1, "a": 2}
    assert as_yaml([{"one": shared, "two": shared}]) == "one:\n  b: 1\n  a: 2\ntwo:\n  b: 1\n  a: 2\n"


def test_the_chart_can_cut_its_files_at_document_marks() -> None:
    for path, text in files().items():
        if path.suffix == ".yaml":
            assert text.startswith(HEADER)
            assert text.endswith("\n")
            assert list(yaml.load_all(text, yaml.CSafeLoader))


def test_each_kind_has_its_controller() -> None:
    assert tuple(controller.resource for controller in controllers()) == MODELS


def test_short_names_and_plurals_are_unique() -> None:
    names = [name for kind in MODELS for name in (kind.api.plural, kind.__name__.lower(), *kind.short_names)]
    assert len(names) == len(set(names))
    assert set(MODELS) >= GUARDS | RECORDS
    assert not GUARDS & RECORDS
