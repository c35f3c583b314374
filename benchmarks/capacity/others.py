"""Two other ways to score many rows on AWS, with as many vCPUs, at list prices and assumed rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.capacity import prices, quotas
from benchmarks.capacity.bills import Line, total

if TYPE_CHECKING:
    from benchmarks.capacity.measured import Measured

_INSTANCE_CPUS: Final = 2


@dataclass(frozen=True, slots=True)
class Alternative:
    """What so many rows take elsewhere.

    Attributes
    ----------
    name : str
    rows, cpus : int
    seconds, dollars : float
    """

    name: str
    rows: int
    cpus: int
    seconds: float
    dollars: float


def _rows_per_cpu_second(measured: Measured) -> float:
    """Return what pandas and scikit-learn reach on a vCPU, by the measured machine's cores."""
    return measured.peer.rows_per_second / measured.peer.cores


def spark(measured: Measured, rows: int, cpus: int) -> Alternative:
    """Return what EMR Serverless takes, if its tasks are as quick as pandas and scikit-learn here.

    Executors and driver are billed from the job's start to its end.
    """
    seconds = quotas.SPARK_START.value + rows / (_rows_per_cpu_second(measured) * cpus)
    billed = (cpus + quotas.SPARK_DRIVER.value) * seconds
    bill = [
        Line("EMR Serverless, vCPU-seconds", billed, prices.EMR_CPU),
        Line("EMR Serverless, GB-seconds", billed * quotas.SPARK_MEMORY.value, prices.EMR_MEMORY),
    ]
    return Alternative("EMR Serverless, Spark", rows, cpus, seconds, total(bill))


def batch_transform(measured: Measured, rows: int, cpus: int) -> Alternative:
    """Return what SageMaker Batch Transform takes on ml.m5.large, at the same assumed rate."""
    instances = math.ceil(cpus / _INSTANCE_CPUS)
    seconds = quotas.TRANSFORM_START.value + rows / (
        _rows_per_cpu_second(measured) * instances * _INSTANCE_CPUS
    )
    bill = [Line("SageMaker, instance-seconds", instances * seconds, prices.SAGEMAKER_INSTANCE)]
    return Alternative("SageMaker Batch Transform", rows, instances * _INSTANCE_CPUS, seconds, total(bill))
