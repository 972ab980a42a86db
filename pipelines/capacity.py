"""Whether a cluster can give what workers ask for; Ray itself would wait for it for ever."""

from collections.abc import Mapping, Sequence
from typing import Any

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.stage import MIB, Stage

Resources = Mapping[str, float]  # as Ray names them: CPU, GPU, memory in bytes, and those of the cluster's own


def check_capacity(
    groups: Sequence[Sequence[Stage]], shares: Sequence[Mapping[str, Any]], nodes: Sequence[Resources]
) -> None:
    """Raise UsageError where no node has what one worker of a chain asks for.

    `shares` are what a worker of each group asks of Ray; `nodes` what every node has, or may come to have, in all,
    whoever uses it now.
    """
    for group, share in zip(groups, shares, strict=True):
        asked = _asked(share)
        if any(all(node.get(name, 0.0) >= amount for name, amount in asked.items()) for node in nodes):
            continue
        most = {name: max((node.get(name, 0.0) for node in nodes), default=0.0) for name in asked}
        short = [name for name, amount in asked.items() if most[name] < amount] or list(asked)
        wants = " and ".join(_amount(name, asked[name]) for name in short)
        has = " and ".join(_amount(name, most[name]) for name in short)
        raise UsageError(
            f"no node can run a worker of {', '.join(stage.name for stage in group)}: it asks for "
            f"{wants}, and the most that a node has is {has}; {_fix(group, short)}"
        )


def _asked(share: Mapping[str, Any]) -> dict[str, float]:
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    asked = {resource: float(share[name]) for name, resource in names.items() if share.get(name)}
    return asked | {name: float(amount) for name, amount in share.get("resources", {}).items()}


def _amount(name: str, amount: float) -> str:
    return f"{amount / MIB:,.0f} MiB of memory" if name == "memory" else f"{amount:g} {name}"


def _fix(group: Sequence[Stage], short: Sequence[str]) -> str:
    keys = [f"{stage.name}.gpus" for stage in group if stage.resources.gpus and "GPU" in short]
    return f"lower {' and '.join(keys)}, or add a node that has it" if keys else "add a node that has it"
