"""The two ways a command of the host side ends early, each with its exit code."""


class BadInput(Exception):
    """What the user handed over cannot be used: one line on stderr, exit code 2."""

    exit_code = 2


class RunFailed(Exception):
    """The input was good but the run did not do what it must: one line on stderr, exit code 1."""

    exit_code = 1
