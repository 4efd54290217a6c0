"""The file of further Prometheis: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ninefold.cli.run.prometheis import Unusable, read

WHOLE = """
prometheis:
- name: pay
  url: https://mimir.example.com/prometheus
  caFile: /etc/ninefold/ca.crt
  username: ninefold
  passwordFile: /etc/ninefold/password
  headers: {X-Scope-OrgID: pay}
  clusterLabels: {cluster: prod-1}
  namespaceLabels: {team: pay}
  ruleLabels: {prometheus: pay}
"""


def test_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("")
    file = tmp_path / "p.yaml"
    file.write_text(WHOLE.replace("  caFile: /etc/ninefold/ca.crt\n", ""))
    (source,) = read(file, 15)
    options = source.prometheus._options
    assert (source.name, source.namespaces, source.rule_labels) == ("pay", {"team": "pay"}, {"prometheus": "pay"})
    assert (options.headers, options.external_labels) == ({"X-Scope-OrgID": "pay"}, {"cluster": "prod-1"})
    assert "check tokenFile, username with passwordFile" in source.prometheus._credentials.refused()
    assert source.prometheus._shown == "pay, https://mimir.example.com/prometheus"
    assert (options.username, options.password_file) == ("ninefold", Path("/etc/ninefold/password"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE, "No such file"),
        ("prometheis: [{name: a, url: 'ftp://x'}]", r"p.yaml: prometheis\[0\].url: 'ftp://x' is not an address: write"),
        ("prometheis: [{name: a}]", r"prometheis\[0\].url: write this field"),
        ("prometheis: [{name: A b, url: 'http://x'}]", r"prometheis\[0\].name: write a text that matches"),
        ("prometheis: [{name: a, url: 'http://x', token: s3cret}]", r"prometheis\[0\].token: unknown field"),
        ("prometheis: [{name: a, url: 'http://x', headers: {Authorization: b}}]", "write it into a file"),
        ("prometheis: [{name: default, url: 'http://x'}]", "two entries have the name default"),
        ("prometheis: [{name: a, url: 'http://x', caFile: 3}]", r"prometheis\[0\].caFile: write the name of a file"),
        ("prometheis: [{name: a, url: 'http://x', certFile: /x}]", r"prometheis\[0\]: /x cannot be read: No such"),
        ("prometheis: [{name: a, url: 'http://x', username: u}]", r"prometheis\[0\]: the user u has no password"),
        ("prometheis: 3", "prometheis: write a list"),
        ("a: [", "while parsing"),
        ("[]", "p.yaml: write a map"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(Unusable, match=words) as error:
        read(file, 15)
    assert "s3cret" not in str(error.value)


def test_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="absent: cannot be read: No such file or directory"):
        read(tmp_path / "absent", 15)
