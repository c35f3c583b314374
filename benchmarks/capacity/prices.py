"""List prices of us-east-1 in dollars, each with the source in which it was read.

Free tiers, volume discounts and savings plans are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNVERIFIED: Final = "from general knowledge; check before you rely on it"
_OHIO: Final = "a repository's page on AWS's price list for Ohio of 2026-08-21"
_CLOUDCHIPR: Final = "cloudchipr.com, AWS Lambda pricing, 2024"
_FARGATE: Final = "factualminds.com, Fargate pricing, June 2026"
_S3: Final = "c3x.dev, S3 request fees, undated"
_BALANCER: Final = "cloud-horizons.com, ALB, May 2026"


@dataclass(frozen=True, slots=True)
class Price:
    """One list price.

    Attributes
    ----------
    name : str
    dollars : float
        For one listed unit.
    unit : str
        The listed unit.
    per : float
        Billable items per listed unit.
    source : str
    """

    name: str
    dollars: float
    unit: str
    per: float
    source: str

    @property
    def each(self) -> float:
        """Dollars for one billable item."""
        return self.dollars / self.per


API_REQUEST: Final = Price("API Gateway, REST request", 3.5, "million", 1e6, "AWS whitepaper, private APIs")
LAMBDA_REQUEST: Final = Price("Lambda, request", 0.2, "million", 1e6, _OHIO)
LAMBDA_ARM: Final = Price("Lambda, GB-second, arm64", 0.0000133334, "GB-second", 1, _CLOUDCHIPR)
LAMBDA_X86: Final = Price("Lambda, GB-second, x86_64", 0.0000166667, "GB-second", 1, _CLOUDCHIPR)
LAMBDA_DISK: Final = Price("Lambda, /tmp beyond 512 MB", 0.0000000309, "GB-second", 1, _OHIO)
LOGS: Final = Price("CloudWatch Logs, byte", 0.5, "GB", 1e9, "factualminds.com, CloudWatch pricing, 2026")
TRACE: Final = Price("X-Ray, trace", 5, "million", 1e6, UNVERIFIED)
S3_GET: Final = Price("S3, GET or HEAD", 0.0004, "thousand", 1e3, _S3)
S3_PUT: Final = Price("S3, PUT", 0.005, "thousand", 1e3, _S3)
EVENT: Final = Price("EventBridge, event", 1, "million", 1e6, "wring.co, EventBridge pricing, 2026")
QUEUE_REQUEST: Final = Price("SQS, request", 0.4, "million", 1e6, "cloudburn.io, SQS pricing, March 2026")
TRANSITION: Final = Price("Step Functions, transition", 0.025, "thousand", 1e3, "AWS's page, undated copy")
SAGEMAKER_SECOND: Final = Price(
    "SageMaker Serverless, GB-second", 0.00002, "GB-second", 1, "price caches of two repositories, undated"
)
SAGEMAKER_DATA: Final = Price("SageMaker Serverless, byte in or out", 0.016, "GB", 1e9, UNVERIFIED)
FARGATE_CPU: Final = Price("Fargate, vCPU, x86_64", 0.04048, "vCPU-hour", 1, _FARGATE)
FARGATE_MEMORY: Final = Price("Fargate, GB, x86_64", 0.004445, "GB-hour", 1, _FARGATE)
BALANCER: Final = Price("Application Load Balancer", 0.0225, "balancer-hour", 1, _BALANCER)
BALANCER_UNIT: Final = Price("Load balancer, unit of 1 GB an hour", 0.008, "GB", 1e9, _BALANCER)

PRICES: Final = tuple(value for value in globals().values() if isinstance(value, Price))
