"""A file beside an annotation that says who is on which channel of its recording."""

import json
from collections.abc import Mapping


def sides_of(data: bytes) -> Mapping[str, str]:
    """Who is on which channel, by a map of these. Raises ValueError where it is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"lies beside a map of channels that is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(who, str) for who in found.values()):
        raise ValueError("lies beside a map of channels that does not say who is on them")
    if len(set(found.values())) < len(found):
        raise ValueError("lies beside a map of channels that has somebody on two of them")
    return {who: channel for channel, who in found.items()}
