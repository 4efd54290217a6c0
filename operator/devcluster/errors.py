"""What can go wrong, each with the next step in its message."""


class DevclusterError(Exception):
    """Base of everything devcluster raises on purpose."""


class CommandError(DevclusterError):
    """A command ended with a non-zero code; `stderr` is what it said."""

    def __init__(self, argv: list[str], returncode: int, stderr: str) -> None:
        super().__init__(f"`{' '.join(argv)}` ended with {returncode}: {stderr.strip() or 'it said nothing'}")
        self.argv = argv
        self.returncode = returncode
        self.stderr = stderr


class Unsupported(DevclusterError):
    """This cluster cannot do what was asked (a given cluster has no audit log of ours, for instance)."""
