"""Errors, each with the next step in its message."""


class DevclusterError(Exception):
    """Base of everything devcluster raises on purpose."""


class CommandError(DevclusterError):
    """A command ended with a non-zero code; `stderr` is its error output."""

    def __init__(self, argv: list[str], returncode: int, stderr: str) -> None:
        super().__init__(f"`{' '.join(argv)}` ended with {returncode}: {stderr.strip() or 'no output'}")
        self.argv = argv
        self.returncode = returncode
        self.stderr = stderr


class Unsupported(DevclusterError):
    """This cluster does not support the request (for instance, a given cluster has no audit log)."""
