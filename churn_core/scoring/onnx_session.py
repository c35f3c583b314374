"""Sessions of onnxruntime. No other module imports onnxruntime, so that its telemetry is always off."""

from __future__ import annotations

import os

# The Linux wheels since 1.32 otherwise write a device id and an event database under the user's cache folder
# and start an uploader. Reading the variable happens once, during the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from onnxruntime import InferenceSession, SessionOptions

__all__ = ["InferenceSession", "open_session"]


def open_session(graph: bytes) -> InferenceSession:
    """Load an ONNX graph into a session with one thread.

    With one thread the results have the same bits for any number of rows.

    Parameters
    ----------
    graph : bytes
        A serialised ``onnx.ModelProto``.
    """
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])
