"""What the documents say is so: examples are checked, commands are run, links lead somewhere.

A fenced `yaml` block whose first line is "# NAME.yaml" is a file for the commands after it on the same page. A fenced
`console` block is run line by line; what follows a command is its output, a last line "..." stands for more.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import promql_parser
import pytest
import yaml

import devcluster
from ninefold.cli.crds.reasons import reasons
from ninefold.cli.shared.files import read
from ninefold.cli.shared.resources import parse
from ninefold.kinds import KINDS
from tests.processes import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("helm/**/*.md"), *ROOT.glob("manifests/**/*.md")]
)
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str

    @property
    def name(self) -> str | None:
        """Of a file: its name."""
        first = self.text.partition("\n")[0]
        return first.removeprefix("# ") if re.fullmatch(r"# [\w-]+\.yaml", first) else None


BLOCKS = [Block(page, *fence) for page in PAGES for fence in _FENCE.findall(page.read_text())]
EXAMPLES = [block for block in BLOCKS if block.language == "yaml" and "ninefold.dev/" in block.text]
STORIES = sorted({block.page for block in BLOCKS if block.language == "console"})


def _id(value: object) -> str:
    page = value.page if isinstance(value, Block) else value
    return str(page.relative_to(ROOT)) if isinstance(page, Path) else str(value)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text())
    assert not [target for target, _ in links if target and not (page.parent / target).exists()]
    assert not [
        f"{target}{anchor}"
        for target, anchor in links
        if anchor
        and (target or ".md").endswith(".md")
        and anchor not in _anchors(page.parent / target if target else page)
    ]


def _anchors(page: Path) -> set[str]:
    """What can be linked to on a page: its headings, as GitHub names them, and what has an id."""
    text = page.read_text()
    headings = (
        re.sub(r"[`*]", "", heading) for heading in re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)
    )
    slugs = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {f"#{name}" for name in (*slugs, *re.findall(r'<a id="([^"]+)">', text))}


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_lines_can_be_read_in_a_diff(page: Path) -> None:
    """Of prose; rows of tables and what is shown of commands are as long as they are."""
    prose = _FENCE.sub("", page.read_text()).splitlines()
    long = [line for line in prose if len(line) > 120 and not line.lstrip().startswith(("|", "<", "`"))]
    # What is indented is shown of commands, and a code span cannot be broken.
    long = [line for line in long if line[:4] != "    " and not re.search(r"`[^`]{100,}`", line)]
    assert not long


def test_troubleshooting_names_reasons_that_exist() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rows = re.search(r"## READY is not True\n(.*?)\n## ", text, re.DOTALL)
    assert rows
    named = {name for row in re.findall(r"^\| ([A-Z][\w, ]+) \|", rows[1], re.MULTILINE) for name in row.split(", ")}
    given = {reason.name for reason in reasons(KINDS)}
    assert len(named) > 20
    assert named - {"Reason"} <= given


@pytest.mark.parametrize("block", EXAMPLES, ids=_id)
def test_examples_are_right(block: Block, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(block.text)
    documents, findings = read([str(tmp_path / "example.yaml")])
    parsed = parse(documents, "default")
    assert not [*findings, *parsed.findings]
    assert parsed.found


def test_the_api_server_takes_every_example_and_every_sample(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    for crd in ROOT.glob("crds/*.yaml"):
        name = yaml.safe_load(crd.read_text())["metadata"]["name"]
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}")
    texts = [block.text for block in EXAMPLES] + [file.read_text() for file in ROOT.glob("manifests/samples/*.yaml")]
    for text in texts:
        local = text.replace("namespace: shop", f"namespace: {namespace}")
        cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=local)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "promql"], ids=_id)
def test_promql_parses(block: Block) -> None:
    promql_parser.parse(block.text)


@pytest.mark.parametrize("page", STORIES, ids=_id)
def test_commands_do_what_the_page_says(page: Path, cluster: devcluster.Cluster, tmp_path: Path) -> None:
    environment = {**os.environ, **cluster.environment}
    environment["PATH"] = f"{cluster.binary('kubectl').parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    for folder in ("manifests", "crds", "helm"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    try:
        for block in (block for block in BLOCKS if block.page == page):
            if block.name:
                (tmp_path / block.name).write_text(block.text)
            if block.language == "console":
                for command, expected in _commands(block.text):
                    _run(command, expected, tmp_path, environment)
    finally:
        # Other tests share the cluster: they install again, and start the operator themselves.
        cluster.kubectl("delete", "namespace", "shop", "--ignore-not-found")
        cluster.kubectl("-n", "ninefold-system", "delete", "deployment", "ninefold", "--ignore-not-found")


def _commands(text: str) -> list[tuple[str, list[str]]]:
    commands: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        else:
            commands[-1][1].append(line)
    return commands


def _run(command: str, expected: list[str], folder: Path, environment: dict[str, str]) -> None:
    words = shlex.split(command)
    assert words[0] in ("ninefold", "kubectl"), f"{command}: use an indented block for what is not run"
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    if expected[-1:] == ["..."]:
        shown = "\n".join(expected[:-1])
        assert shown in done.stdout, f"{command} printed:\n{done.stdout}"
    elif expected:
        assert done.stdout.splitlines() == expected, command
