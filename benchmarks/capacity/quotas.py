"""AWS's default limits in us-east-1, and what could not be measured here; each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LAMBDA_GUIDE: Final = "AWS Lambda Developer Guide"
_STATES_GUIDE: Final = "AWS Step Functions Developer Guide"
_REMEMBERED: Final = "from general knowledge; check before you rely on it"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that was read or assumed, not measured.

    Attributes
    ----------
    name : str
    value : float
    unit : str
    source : str
    """

    name: str
    value: float
    unit: str
    source: str


ACCOUNT_CONCURRENCY: Final = Quantity(
    "Lambda: executions at a time in an account, raised on request",
    1_000,
    "",
    f"{_LAMBDA_GUIDE}, Lambda quotas",
)
ENVIRONMENTS_AT_ONCE: Final = Quantity(
    "Lambda: new environments of a function at once", 1_000, "", f"{_LAMBDA_GUIDE}, scaling behavior"
)
ENVIRONMENTS_PER_SECOND: Final = Quantity(
    "Lambda: further ones, refilled continuously (1,000 in 10 s)",
    100,
    "a second",
    f"{_LAMBDA_GUIDE}, scaling behavior",
)
MAP_CONCURRENCY: Final = Quantity(
    "Distributed Map: child executions at a time", 10_000, "", f"{_STATES_GUIDE}, Map state processing modes"
)
START_BURST: Final = Quantity(
    "StartExecution, Standard: at once; taken to hold for a map's children, for which AWS names none",
    1_300,
    "",
    f"{_STATES_GUIDE}, quotas",
)
STARTS_PER_SECOND: Final = Quantity(
    "StartExecution, Standard: further ones", 300, "a second", f"{_STATES_GUIDE}, quotas"
)
HISTORY_EVENTS: Final = Quantity(
    "Standard execution: events of its history; each child of a Distributed Map has a history of its own",
    25_000,
    "",
    f"{_STATES_GUIDE}, quotas",
)
S3_READS: Final = Quantity(
    "S3: GET and HEAD of one prefix, at least",
    5_500,
    "a second",
    "Amazon S3 User Guide, optimizing performance",
)
S3_WRITES: Final = Quantity(
    "S3: PUT of one prefix, at least", 3_500, "a second", "Amazon S3 User Guide, optimizing performance"
)
LAMBDA_SECONDS: Final = Quantity(
    "Lambda: longest timeout; the template asks for less", 900, "s", f"{_LAMBDA_GUIDE}, Lambda quotas"
)
QUOTAS: Final = (
    ACCOUNT_CONCURRENCY,
    ENVIRONMENTS_AT_ONCE,
    ENVIRONMENTS_PER_SECOND,
    MAP_CONCURRENCY,
    START_BURST,
    STARTS_PER_SECOND,
    HISTORY_EVENTS,
    S3_READS,
    S3_WRITES,
    LAMBDA_SECONDS,
)

TRANSFER_MEGABYTES: Final = Quantity(
    "S3 to and from one function; 50 to 88 MB/s in the source (2018), its lower part taken",
    60,
    "MB/s",
    "Lee Harding, Serverless, large file downloads to S3, medium.com/circuitpeople",
)
S3_SECONDS: Final = Quantity(
    "S3: a small request, there and back; 0.1 to 0.2 s in the guide",
    0.1,
    "s",
    "Amazon S3 User Guide, optimizing performance",
)
PLATFORM_LOG_BYTES: Final = Quantity(
    "Lambda's own log lines of an invocation (start, report)", 700, "bytes", _REMEMBERED
)
TRACED_SHARE: Final = Quantity("X-Ray: share of requests traced by its default rule", 0.05, "", _REMEMBERED)
COLD_SHARE: Final = Quantity(
    "Share of online requests that start an environment, where nothing else is said", 0.01, "", "assumed"
)
FAILURE_RATE: Final = Quantity(
    "Share of attempts that end by a transient fault, somewhere on their way", 0.01, "", "assumed"
)
PART_SPREAD: Final = Quantity("Rows of a part: standard deviation by mean, log-normal", 0.5, "", "assumed")
SPEED_SPREAD: Final = Quantity(
    "Seconds of a part: the same for one environment beside another", 0.1, "", "assumed"
)
BACKOFF_SECONDS: Final = Quantity("Wait before the first retry; doubled with each", 2, "s", "assumed")
SPARK_START: Final = Quantity(
    "EMR Serverless: from the job's submission to its first task, nothing kept warm", 90, "s", _REMEMBERED
)
SPARK_MEMORY: Final = Quantity(
    "EMR Serverless: memory of a vCPU", 4, "GB", "its default worker, 4 vCPU and 16 GB"
)
SPARK_DRIVER: Final = Quantity("EMR Serverless: vCPUs of the driver", 4, "", "its default worker")
TRANSFORM_START: Final = Quantity(
    "SageMaker Batch Transform: start of the instances, billed", 240, "s", _REMEMBERED
)
ASSUMPTIONS: Final = (
    TRANSFER_MEGABYTES,
    S3_SECONDS,
    PLATFORM_LOG_BYTES,
    TRACED_SHARE,
    COLD_SHARE,
    FAILURE_RATE,
    PART_SPREAD,
    SPEED_SPREAD,
    BACKOFF_SECONDS,
    SPARK_START,
    SPARK_MEMORY,
    SPARK_DRIVER,
    TRANSFORM_START,
)
