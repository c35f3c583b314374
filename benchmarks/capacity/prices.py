"""List prices of us-east-1, each with where it was read; nothing here is measured.

A price that was only remembered says so in the page: check it before you rely on it. Free tiers, volume
discounts and savings plans are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Price:
    """One list price.

    Attributes
    ----------
    name : str
    dollars : float
        For one unit.
    unit : str
        As the source counts it.
    per : float
        How many of what is reckoned with are in that unit.
    page : str
        AWS's page that has it.
    seen : str
        Where it was read for this page, and of when that is; empty where it was only remembered.
    """

    name: str
    dollars: float
    unit: str
    per: float
    page: str
    seen: str = ""

    @property
    def each(self) -> float:
        """Dollars for one of what is reckoned with."""
        return self.dollars / self.per


_MILLION: Final = 1e6
_THOUSAND: Final = 1e3
_HOUR: Final = 3_600.0

API_REQUEST: Final = Price(
    "API Gateway REST request, first 333 million a month",
    3.50,
    "million",
    _MILLION,
    "Amazon API Gateway pricing",
    "AWS whitepaper on private APIs, table 4, undated copy",
)
LAMBDA_REQUEST: Final = Price(
    "Lambda request",
    0.20,
    "million",
    _MILLION,
    "AWS Lambda pricing",
    "a repository's page on AWS's price list for Ohio of 2026-08-21",
)
LAMBDA_X86: Final = Price(
    "Lambda GB-second, x86_64",
    0.0000166667,
    "GB-second",
    1,
    "AWS Lambda pricing",
    "cloudchipr.com, AWS Lambda pricing, 2024",
)
LAMBDA_ARM: Final = Price(
    "Lambda GB-second, arm64",
    0.0000133334,
    "GB-second",
    1,
    "AWS Lambda pricing",
    "cloudchipr.com, AWS Lambda pricing, 2024",
)
LAMBDA_DISK: Final = Price(
    "Lambda /tmp beyond 512 MB, GB-second",
    0.0000000309,
    "GB-second",
    1,
    "AWS Lambda pricing",
    "a repository's page on AWS's price list for Ohio of 2026-08-21",
)
LOGS: Final = Price(
    "CloudWatch Logs, ingestion of a GB",
    0.50,
    "GB",
    1e9,
    "Amazon CloudWatch pricing",
    "factualminds.com, CloudWatch pricing, 2026",
)
TRACE: Final = Price("X-Ray trace recorded", 5.00, "million", _MILLION, "AWS X-Ray pricing")
S3_PUT: Final = Price(
    "S3 PUT, COPY, POST, LIST",
    0.005,
    "thousand",
    _THOUSAND,
    "Amazon S3 pricing",
    "c3x.dev, S3 request fees, undated",
)
S3_GET: Final = Price(
    "S3 GET, HEAD", 0.0004, "thousand", _THOUSAND, "Amazon S3 pricing", "c3x.dev, S3 request fees, undated"
)
EVENT: Final = Price(
    "EventBridge event",
    1.00,
    "million",
    _MILLION,
    "Amazon EventBridge pricing",
    "factualminds.com and wring.co, EventBridge pricing, 2026",
)
QUEUE_REQUEST: Final = Price(
    "SQS request, standard queue",
    0.40,
    "million",
    _MILLION,
    "Amazon SQS pricing",
    "cloudburn.io, SQS pricing, March 2026",
)
TRANSITION: Final = Price(
    "Step Functions state transition, Standard",
    0.025,
    "thousand",
    _THOUSAND,
    "AWS Step Functions pricing",
    "AWS's own page, undated copy",
)
EXPRESS_REQUEST: Final = Price(
    "Step Functions request, Express",
    1.00,
    "million",
    _MILLION,
    "AWS Step Functions pricing",
    "wring.co, Step Functions pricing, March 2026",
)
EXPRESS_GB_SECOND: Final = Price(
    "Step Functions GB-second, Express",
    0.00001667,
    "GB-second",
    1,
    "AWS Step Functions pricing",
    "wring.co, Step Functions pricing, March 2026",
)
SAGEMAKER_SERVERLESS: Final = Price(
    "SageMaker Serverless Inference, GB-second",
    0.0000200,
    "GB-second",
    1,
    "Amazon SageMaker AI pricing",
    "price caches of two repositories on GitHub, undated",
)
SAGEMAKER_DATA: Final = Price(
    "SageMaker Serverless Inference, GB in or out", 0.016, "GB", 1e9, "Amazon SageMaker AI pricing"
)
SAGEMAKER_INSTANCE: Final = Price(
    "SageMaker ml.m5.large (2 vCPU, 8 GB), hour",
    0.115,
    "hour",
    _HOUR,
    "Amazon SageMaker AI pricing",
    "price caches of two repositories on GitHub, undated",
)
FARGATE_CPU: Final = Price(
    "Fargate vCPU-hour, Linux on x86_64",
    0.04048,
    "vCPU-hour",
    _HOUR,
    "AWS Fargate pricing",
    "factualminds.com, Fargate pricing, June 2026",
)
FARGATE_MEMORY: Final = Price(
    "Fargate GB-hour, Linux on x86_64",
    0.004445,
    "GB-hour",
    _HOUR,
    "AWS Fargate pricing",
    "factualminds.com, Fargate pricing, June 2026",
)
BALANCER: Final = Price(
    "Application Load Balancer, hour",
    0.0225,
    "hour",
    _HOUR,
    "Elastic Load Balancing pricing",
    "cloud-horizons.com, ALB, May 2026",
)
BALANCER_UNIT: Final = Price(
    "Application Load Balancer capacity unit, hour",
    0.008,
    "hour",
    _HOUR,
    "Elastic Load Balancing pricing",
    "cloud-horizons.com, ALB, May 2026",
)
EMR_CPU: Final = Price(
    "EMR Serverless vCPU-hour, x86_64",
    0.052624,
    "vCPU-hour",
    _HOUR,
    "Amazon EMR pricing",
    "three repositories on GitHub, undated",
)
EMR_MEMORY: Final = Price(
    "EMR Serverless GB-hour, x86_64",
    0.0057785,
    "GB-hour",
    _HOUR,
    "Amazon EMR pricing",
    "three repositories on GitHub, undated",
)

PRICES: Final = (
    API_REQUEST,
    LAMBDA_REQUEST,
    LAMBDA_ARM,
    LAMBDA_X86,
    LAMBDA_DISK,
    LOGS,
    TRACE,
    S3_GET,
    S3_PUT,
    EVENT,
    QUEUE_REQUEST,
    TRANSITION,
    EXPRESS_REQUEST,
    EXPRESS_GB_SECOND,
    SAGEMAKER_SERVERLESS,
    SAGEMAKER_DATA,
    SAGEMAKER_INSTANCE,
    FARGATE_CPU,
    FARGATE_MEMORY,
    BALANCER,
    BALANCER_UNIT,
    EMR_CPU,
    EMR_MEMORY,
)
