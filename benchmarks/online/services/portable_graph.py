"""The exported pipeline with raw inputs in onnxruntime, as hand-written services usually load it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from pathlib import Path


class PortableGraph:
    """A scorer of one customer at a time.

    Parameters
    ----------
    path : Path
        The graph; its metadata map inputs to columns.
    """

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        columns = json.loads(self._session.get_modelmeta().custom_metadata_map["churn.inputs"])
        self._inputs = [
            (node.name, columns[node.name], node.type == "tensor(string)")
            for node in self._session.get_inputs()
        ]

    def score(self, customer: dict[str, Any]) -> float:
        """Return the probability that a customer leaves."""
        feed = {}
        for name, column, text in self._inputs:
            value = customer[column]
            if text:
                feed[name] = np.array([["" if value is None else str(value)]], dtype=object)
            else:
                feed[name] = np.array([[np.nan if value is None else value]], dtype=np.float32)
        return float(self._session.run(["probability"], feed)[0][0, 0])
