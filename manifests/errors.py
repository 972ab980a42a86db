"""Errors a user can act on.

TurnmillError            anything the command line prints as one sentence (exit status 1)
  UsageError             bad usage or a bad recipe (exit status 2)
"""

import errno


class TurnmillError(Exception):
    """A failure that one sentence explains: what happened, to which file or key, and what to do."""

    exit_status = 1


class UsageError(TurnmillError):
    """A recipe, option or folder that cannot be used as given; raised before any work starts."""

    exit_status = 2


def os_sentence(error: OSError) -> str:
    """What the system refused, and what to do: a full disk is said as such."""
    where = f" of {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left on the disk{where}; free some and run the same command again"
    return f"{error}; when that is mended, run the same command again"
