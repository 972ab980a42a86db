"""Where the workers run: a Ray of our own on this machine, or a cluster at an address."""

import inspect
import logging
import math
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.pipelines.stage import MIB
from turnmill.pipelines.stopping import held, keeping_handlers
from turnmill.pipelines.watch import Watch
from turnmill.pipelines.worker import Crew

_OBJECT_STORE = 128 * MIB  # shard references are all that goes through it
_REACH_S = 10.0  # seconds that a head has to answer a first connection
_SHORT = "/tmp/ray"  # Ray's own default
_LONGEST = 107 - len("/session_2026-11-27_19-54-15_563049_4194304/sockets/plasma_store")
"""Bytes of a folder below which Ray may make its sockets: a socket's path has 107 at most."""


@dataclass(frozen=True)
class Cluster:
    """What Ray has to give, and who works on it."""

    cpus: float
    memory: float  # bytes
    crew: Crew


_here: list[Cluster] = []
"""The one that this process has started, or is connected to."""


@contextmanager
def cluster(address: str | None) -> Iterator[Cluster]:
    """A local Ray of our own, or the one at `address`, which has passed `check_address`; without an address, one that
    this process has already started is used and left running, with its workers.

    Raises UsageError for a cluster that does not answer or wants a token, TurnmillError where Ray cannot start.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a warning on machines without GPU
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its core logs warnings of its own to our terminal
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")  # its core prints a stack when SIGTERM comes
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "5")  # each takes 1 s where a token is missing, else up to 40
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # its raylet logs a paragraph for each death of a worker
    with held():
        import ray

    if address is None and ray.is_initialized():
        with nullcontext(_here[-1]) if _here else _given() as given:
            yield given
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # `address="local"`: a stale address file of an earlier Ray must not be picked up.
        options |= {"address": "local", "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        options |= {"_system_config": {"enable_metrics_collection": False}}  # nobody looks at them
        options |= _short_folder()
    else:
        _reach(address)
        options |= {"address": address}
    try:
        with keeping_handlers(), _hushed() as said, _few_services() if address is None else nullcontext():
            try:
                ray.init(**options)
            except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
                raise _refusal(address, error, said()) from error
        with _given() as given:
            _here.append(given)
            yield given
    finally:
        _here.clear()
        ray.shutdown()


@contextmanager
def _given() -> Iterator[Cluster]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    resources = ray.cluster_resources()
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    watch = ray.remote(Watch).options(num_cpus=0, scheduling_strategy=here).remote()
    crew = Crew(watch)
    try:
        yield Cluster(resources.get("CPU", 1.0), resources.get("memory", 0.0), crew)
    finally:
        crew.dismiss()
        ray.kill(watch)


def node_resources() -> list[dict[str, float]]:
    """What each node has in all, and each that an autoscaler may add (-1: as much as you like)."""
    import ray
    from ray._private.state import state  # the autoscaler's configuration has no public door

    config = state.get_cluster_config()
    groups = [] if config is None else [g for g in config.node_group_configs if g.max_count]
    return [
        *(dict(node["Resources"]) for node in ray.nodes() if node["Alive"]),
        *(
            {"CPU": math.inf, "memory": math.inf}
            | {name: float(amount) if amount >= 0 else math.inf for name, amount in group.resources.items()}
            for group in groups
        ),
    ]


def check_address(address: str | None) -> None:
    """Raise UsageError, before any work, for an address that a run cannot use."""
    if address is None:
        return
    named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    if named.startswith("ray://"):
        raise UsageError(
            f"--address {named}: a run does not go through ray://; give --address HOST:6379 on a node of the "
            "cluster, or submit the command as a job from elsewhere: `ray job submit --address http://HOST:8265 "
            "--working-dir . -- turnmill run ... --address auto`"
        )
    if named != "auto" and _endpoint(named) is None:
        raise UsageError(f"--address {named}: write it as HOST:PORT, e.g. 10.0.0.1:6379, or auto")


def check_lasting(folder: str) -> None:
    """Raise UsageError for a folder inside the copy of the working folder that a submitted job runs in."""
    if "/runtime_resources/working_dir_files/" in folder:
        raise UsageError(
            f"{folder} is inside the job's copy of the working folder, which Ray removes: name an --out that all nodes "
            "see by its absolute path, or a URL"
        )


def _endpoint(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() and int(port) < 1 << 16 else None


def _reach(address: str) -> None:
    """Ray would try for minutes."""
    named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    endpoint = _endpoint(named)
    if endpoint is None:
        return
    try:
        socket.create_connection(endpoint, timeout=_REACH_S).close()
    except OSError as error:
        raise UsageError(
            f"--address {named}: no Ray answers there ({error.strerror or error}); start a head with `ray start "
            "--head`, or correct the address"
        ) from error


@contextmanager
def _few_services() -> Iterator[None]:
    """A Ray that is started meanwhile has no autoscaler, log monitor and API server, which nobody asks here, and the
    agent that a Ray without its extras has: three processes less, and up to seconds less to wait for the agent.
    `ray start` can leave the first two out, `ray.init` none."""
    from ray._private import parameter, services, utils

    whole, server = parameter.RayParams, getattr(services, "start_api_server", None)
    if server is None or not {"no_monitor", "include_log_monitor"} <= inspect.signature(whole).parameters.keys():
        yield  # another Ray, with all that it has
        return
    parameter.RayParams = partial(whole, no_monitor=True, include_log_monitor=False)
    services.start_api_server = lambda *_, **__: ("", None)  # its URL, and its process
    extras, utils.get_dashboard_dependency_error = utils.get_dashboard_dependency_error, lambda: ImportError("no use")
    try:
        yield
    finally:
        parameter.RayParams, services.start_api_server = whole, server
        utils.get_dashboard_dependency_error = extras


def _short_folder() -> dict[str, str]:
    """Ray makes its sockets below the folder for temporary files, whose name may be too long for them."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR")
    too_long = folder is not None and len(os.fsencode(os.path.join(folder, "ray"))) > _LONGEST
    return {"_temp_dir": _SHORT} if too_long else {}


def _refusal(address: str | None, error: Exception, said: str) -> TurnmillError:
    """Why Ray did not start, or let us in, and what to do."""
    import ray

    if isinstance(error, ray.exceptions.AuthenticationError) or "InvalidAuthToken" in said:
        return UsageError(
            f"--address {address}: this Ray cluster wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to "
            "what `ray get-auth-token` prints on its head (or keep that in ~/.ray/auth_token)"
        )
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if address is None:
        return TurnmillError(f"Ray does not start on this machine: {reason}")
    return UsageError(f"--address {address}: this Ray cluster cannot be used: {reason}")


@contextmanager
def _hushed() -> Iterator[Callable[[], str]]:
    """Ray's core talks on our standard error when it starts and ends; what goes wrong is raised. Yields what gives its
    words so far."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)

        def said() -> str:
            file.seek(0)
            return file.read().decode("utf-8", "replace")

        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
