"""The parser of a command's options: a wrong call is told in two lines, the fault first.

argparse prints every option above the fault, which are thirty lines for `ninefold run`.
"""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """As argparse's own, with its acts."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help shows its options\n")
