"""The story: a bad release spends the budget, the gate closes, a rollback opens it again."""

from __future__ import annotations

from collections.abc import Callable

from demo.shop import BUSY, USUAL, Shop
from demo.steps import Seen, Steps
from demo.witness import Witness
from devcluster import CommandError

OLD, BAD, NEXT = "v41", "v42", "v43"
ACCOUNT = "system:serviceaccount:ninefold-system:ninefold"


class Story:
    """One run of the story on a cluster."""

    def __init__(self, shop: Shop, steps: Steps) -> None:
        self._shop = shop
        self._steps = steps
        self._ask = Witness(shop.cluster)
        steps.gauge = self._ask.gauge

    def run(self) -> None:
        """Run everything, in order; raises Failed at the first step that does not happen."""
        self._begin()
        self._break()
        self._hold()
        self._heal()

    def _begin(self) -> None:
        reach, say = self._steps.reach, self._steps.screen.say
        say("Install CRDs, rights and admission policies, and start the operator with its own service account.")
        self._shop.install()
        self._shop.start_operator()
        reach("operator running", "the operator runs, with narrow rights", self._operator, 60)
        say(f"Open the shop: Deployment checkout:{OLD}, {USUAL} requests/s, and manifests/samples.")
        say("(Shortened for the demo: 95 % over 1 h, recovery for 5 s, an image is good after 15 s.)")
        self._shop.open()
        reach("traffic healthy", "requests succeed and the objective is met", self._ask.healthy, 60)
        reach("gate learns", f"the gate is open and knows {OLD} as good", lambda: self._ask.known_good(OLD), 60)

    def _break(self) -> None:
        reach = self._steps.reach
        self._steps.screen.say(f"Release {BAD}, in which nine of ten requests fail.")
        released = self._steps.screen.elapsed
        reach("bad release", f"{BAD} passes and runs", self._change(self._set_image(BAD), BAD), 30)
        reach("burn", "the budget burns", self._ask.burns, 30, released)
        reach("alert firing", "Alertmanager holds a ticket", lambda: self._ask.alert("ticket"), 30, released)
        reach("gate closed", "the gate closes", self._ask.gate_closed, 30, released)
        reach("change refused", f"{NEXT} is refused", lambda: self._refused(NEXT), 10)
        reach("page firing", "Alertmanager holds a page", lambda: self._ask.alert("page"), 90, released)

    def _hold(self) -> None:
        reach, say = self._steps.reach, self._steps.screen.say
        say("Kill the operator (kill -9). The API server decides on its own.")
        code = self._shop.kill_operator()
        reach("operator killed, still refused", f"{NEXT} is still refused", lambda: self._dead(code))
        say(f"Roll back to {OLD}, with the operator still dead.")

    def _heal(self) -> None:
        reach, say = self._steps.reach, self._steps.screen.say
        rolled_back = self._steps.screen.elapsed
        reach("rollback allowed", f"a rollback passes and {OLD} runs", self._change(self._shop.roll_back, OLD), 30)
        say("Start the operator again.")
        self._shop.start_operator()
        reach("operator back", "the operator runs, and the gate is still closed", self._back, 60)
        say(
            f"Customers come back: {BUSY} requests/s instead of {USUAL}. A budget counts events, so many good events "
            "restore it within a minute; at a steady rate it would take the hour of the window."
        )
        self._shop.load(BUSY)
        reach("recovery", "requests succeed and there is budget again", self._ask.recovered, 200, rolled_back)
        reach("gate open", "the gate opens by itself", self._ask.gate_open, 60, rolled_back)
        reach("page ended", "no one is paged any longer", self._ask.page_ended, 150, rolled_back)
        say(f"Release {NEXT}.")
        reach("change passes", f"{NEXT} passes and runs", self._change(self._set_image(NEXT), NEXT), 30)

    def _set_image(self, tag: str) -> Callable[[], str]:
        return lambda: self._shop.set_image(tag)

    def _change(self, act: Callable[[], str], tag: str) -> Callable[[], Seen]:
        """A check that acts the first time, and then waits for the version to run."""
        output: list[str] = []

        def check() -> Seen:
            if not output:
                output.append(act())
            running = self._ask.runs(tag)
            return Seen(running.true, f"kubectl: {output[0]}. {running.words}")

        return check

    def _operator(self) -> Seen:
        """Whether the operator is ready, and what the API server allows it."""
        if not self._shop.operator_is_ready():
            return Seen(False, f"{self._shop.operator_address}/readyz does not say that it is ready")
        asked = ("watch servicelevelobjectives.ninefold.dev", "get secrets", "patch deployments.apps")
        answers = {
            act: self._shop.cluster.kubectl("auth", "can-i", *act.split(), "-A", f"--as={ACCOUNT}", check=False).strip()
            for act in asked
        }
        words = f"API server: {ACCOUNT} may " + ", ".join(f"{act}: {answer}" for act, answer in answers.items())
        return Seen([*answers.values()] == ["yes", "no", "no"], words)

    def _refused(self, tag: str) -> Seen:
        """The API server refuses the version in the gate's name, and the Deployment stays unchanged."""
        before = self._ask.image()
        try:
            # The API server learns of a changed gate through its own watch, a moment after it stores the gate. A dry
            # run passes the same admission and changes nothing, so it can be repeated.
            self._shop.set_image(tag, "--dry-run=server")
            return Seen(False, f"a dry run of `kubectl set image` to {tag} passes")
        except CommandError:
            return self._attempt(tag, before)

    def _attempt(self, tag: str, before: str) -> Seen:
        command = f"$ kubectl set image deployment/checkout app=checkout:{tag}"
        try:
            return Seen(False, f"{command}\n{self._shop.set_image(tag)}")
        except CommandError as error:
            after = self._ask.image()
            refused = "release gate shop/checkout is closed" in error.stderr and after == before
            return Seen(refused, f"{command}\n{error.stderr.strip()}\nAPI server: deployment/checkout has {after}")

    def _dead(self, code: int) -> Seen:
        refused = self._refused(NEXT)
        return Seen(refused.true and code == -9, f"The operator ended with {code}.\n{refused.words}")

    def _back(self) -> Seen:
        ready, gate = self._operator(), self._ask.gate_closed()
        return Seen(ready.true and gate.true, gate.words if ready.true else ready.words)
