"""Errors that end a run, each with the exit code that the command line returns."""

from __future__ import annotations


class ThreestepError(Exception):
    """Base of all expected errors; ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(ThreestepError):
    """A parameter, setting or policy cannot be used as given."""

    exit_code = 2


class InputRejectedError(ThreestepError):
    """An input table failed a gate: it is missing, malformed, or too much of it is bad."""

    exit_code = 3


class ConsentError(ThreestepError):
    """The consent ledger is missing, stale, or does not match its delivery note."""

    exit_code = 4


class BudgetError(ThreestepError):
    """A release would pass a cap of the privacy budget."""

    exit_code = 5


class RoomError(ThreestepError):
    """Code asked a door for a table of a schema that it was not given access to."""


class ReleaseError(ThreestepError):
    """A release cannot be made, or a blocked one was asked for again."""
