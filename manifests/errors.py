"""Errors a user can act on.

TurnmillError            anything the command line prints as one sentence (exit status 1)
  UsageError             bad usage or a bad recipe (exit status 2)
"""


class TurnmillError(Exception):
    """A failure that one sentence explains: what happened, to which file or key, and what to do."""

    exit_status = 1


class UsageError(TurnmillError):
    """A recipe, option or folder that cannot be used as given; raised before any work starts."""

    exit_status = 2
