"""What the policies about authors are built from."""

from __future__ import annotations

from ninefold.domain.people.authors import GATES, has_verb, own_name
from ninefold.release.releasegate.resource import ReleaseGate


def test_verbs_are_given_on_release_gates() -> None:
    assert ReleaseGate.api == GATES


def test_a_machine_must_have_a_verb_by_name() -> None:
    expression = has_verb("approve", "gates")
    assert "gates.check('approve').allowed()" in expression
    assert "!variables.machine || !gates.check('any-verb-at-all').allowed()" in expression


def test_a_refusal_tells_the_author_their_own_name() -> None:
    rule = own_name("object.spec.by == request.userInfo.username", "spec.by")
    assert rule["messageExpression"] == "'write your own name into spec.by: ' + request.userInfo.username"
