"""ONNX models as the engines run them: on one thread, on which alone the same input gives the same bytes."""

from pathlib import Path
from typing import Any


def session(model: Path, *nodes: str) -> Any:
    """An onnxruntime session of a model whose `nodes`, tensors inside it, are outputs too, after its own.

    A model is a protobuf message, whose repeated fields add up where messages are joined: an output is added by a
    serialised `graph { output { name } }` (fields 7, 12 and 1 of onnx.proto) after its bytes.
    """
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    added = b"".join(_field(7, _field(12, _field(1, node.encode()))) for node in nodes)
    return InferenceSession(model.read_bytes() + added, options, providers=["CPUExecutionProvider"])


def refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises of a model that it cannot use, whose classes have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field that holds bytes, of fewer than 128."""
    return bytes([number << 3 | 2, len(content)]) + content
