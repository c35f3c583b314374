"""Bills, reckoned by hand beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.capacity import bills, bounds, fan_out, others, prices, quotas
from benchmarks.capacity.bills import total
from benchmarks.capacity.simulation import Schedule
from functions.batch.object_job import DEADLINE_RESERVE
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from benchmarks.capacity.bills import Line
    from benchmarks.capacity.measured import Measured


def by_line(bill: list[Line]) -> dict[str, float]:
    return {line.what: line.dollars for line in bill}


def test_a_million_single_predictions(measured: Measured) -> None:
    found = by_line(bills.online_bill(measured, 1, prices.LAMBDA_ARM, cold_share=0.02))
    assert found == pytest.approx(
        {
            "API Gateway, requests": 3.50,
            "Lambda, requests": 0.20,
            # 10 ms, and 500 ms for one in fifty, in 1 GB.
            "Lambda, GB-seconds": 1e6 * 0.020 * 0.0000133334,
            # 300 bytes of its own and 700 of Lambda's.
            "CloudWatch Logs, bytes": 0.50,
            "X-Ray, traces": 0.05 * 5,
        }
    )


def test_requests_of_ten_customers_are_a_tenth_as_many(measured: Measured) -> None:
    one, ten = (by_line(bills.online_bill(measured, size, prices.LAMBDA_X86)) for size in (1, 10))
    for line in ("API Gateway, requests", "Lambda, requests", "CloudWatch Logs, bytes"):
        assert ten[line] == pytest.approx(one[line] / 10)


def test_sagemaker_bills_seconds_and_bytes(measured: Measured) -> None:
    found = by_line(bills.sagemaker_bill(measured, 1))
    seconds = 0.010 + quotas.COLD_SHARE.value * 0.5
    assert found["SageMaker, GB-seconds"] == pytest.approx(1e6 * seconds * 0.00002)
    assert found["SageMaker, bytes in and out"] == pytest.approx(1.0 * 0.016)


def test_a_months_container(measured: Measured) -> None:
    assert total(bills.container_month()) == pytest.approx(730 * (0.5 * 0.04048 + 0.004445 + 0.0225))
    # A gigabyte is one capacity unit for an hour.
    assert by_line(bills.container_requests(measured, 1))["Load balancer, unit-seconds"] == pytest.approx(
        0.008
    )
    # 1,024 MB have 1024/1769 of a vCPU and take 10 ms.
    assert bills.container_predictions_per_second(measured, 1) == pytest.approx(100 * 0.5 * 1769 / 1024)


def test_at_the_break_even_both_cost_the_same(measured: Measured) -> None:
    millions = bills.break_even_millions(measured, 1, prices.LAMBDA_ARM)
    assert millions is not None
    serverless = millions * total(bills.online_bill(measured, 1, prices.LAMBDA_ARM))
    container = total(bills.container_month()) + millions * total(bills.container_requests(measured, 1))
    assert serverless == pytest.approx(container)


def test_seconds_of_an_object_are_measured_ones_and_the_way_to_s3(measured: Measured) -> None:
    # 1.3 s less 0.3 s of transfer; four requests of 0.1 s; a million rows scored in 1 s, moved at 60 MB/s.
    assert measured.batch.seconds_an_object == pytest.approx(1.0)
    assert measured.batch.rows_per_second == pytest.approx(1e6)
    assert bills.object_seconds(measured.batch, 1_000_000) == pytest.approx(1.0 + 0.4 + 1.0 + 1.0)


def test_a_slower_processor_and_a_quicker_way_change_their_own_seconds_alone(measured: Measured) -> None:
    def seconds(**otherwise: float) -> float:
        return bills.object_seconds(measured.batch, 3_000_000, **otherwise)

    assert seconds(slowdown=2) - seconds() == pytest.approx(1.0 + 3.0)
    assert seconds() - seconds(megabytes_per_second=90) == pytest.approx(180 / 60 - 180 / 90)


def test_a_million_rows_in_ten_objects(measured: Measured) -> None:
    found = by_line(bills.drops_bill(measured, 100_000, prices.LAMBDA_X86))
    seconds = 10 * (1.4 + 0.1 + 0.1)
    assert found == pytest.approx(
        {
            "Lambda, GB-seconds": seconds * 0.0000166667,
            "Lambda, GB-seconds of /tmp": seconds * 4.5 * 0.0000000309,
            "Lambda, requests": 10 * 0.20e-6,
            "S3, GET and HEAD": 30 * 0.0004e-3,
            "S3, PUT": 10 * 0.005e-3,
            "CloudWatch Logs, bytes": 10 * 1_000 * 0.50e-9,
            "X-Ray, traces": 0.5 * 5e-6,
            "EventBridge, events": 20 * 1e-6,
            "SQS, requests": 30 * 0.40e-6,
        }
    )


def test_children_of_a_map(measured: Measured) -> None:
    schedule = Schedule(
        makespan=20.0, busy_seconds=30.0, attempts=3, environments=2, starts=[0.0, 0.0], ends=[19.96, 10.0]
    )
    standard = by_line(fan_out.map_bill(measured.batch, schedule, express=False))
    express = by_line(fan_out.map_bill(measured.batch, schedule, express=True))
    # Two children of two transitions each, and one retry.
    assert standard["Step Functions, state transitions"] == pytest.approx(5 * 0.025e-3)
    # Durations by whole tenths of a second, memory by 64 MB.
    assert express["Step Functions, Express GB-seconds"] == pytest.approx(30.0 / 16 * 0.00001667)
    assert express["Step Functions, Express requests"] == pytest.approx(2e-6)
    assert standard["Lambda, GB-seconds"] == pytest.approx(30 * 0.0000133334)
    assert standard["Lambda, requests"] == pytest.approx(3 * 0.20e-6)
    assert standard["S3, PUT"] == pytest.approx(2 * 0.005e-3)


def test_spark_and_batch_transform(measured: Measured) -> None:
    # 50,000 rows a second and vCPU.
    spark = others.spark(measured, 10**9, 100)
    assert spark.seconds == pytest.approx(90 + 200)
    assert spark.dollars == pytest.approx(104 * 290 / 3_600 * (0.052624 + 4 * 0.0057785))
    transform = others.batch_transform(measured, 10**9, 100)
    assert transform.seconds == pytest.approx(240 + 200)
    assert transform.dollars == pytest.approx(50 * 440 / 3_600 * 0.115)


def test_limits_of_one_object_are_where_they_are_met(measured: Measured) -> None:
    found = {bound.name: bound.at for bound in bounds.largest_object(measured.batch)}
    timeout = next(rows for name, rows in found.items() if "timeout" in name)
    assert bills.object_seconds(measured.batch, timeout) == pytest.approx(280)
    assert list(found.values()) == sorted(found.values())


def test_limits_of_one_object_are_the_templates() -> None:
    template = TemplateSettings()
    function = template.properties("BatchFunction")
    assert function["EphemeralStorage"]["Size"] * 1024**2 == bounds.DISK_BYTES
    variables = function["Environment"]["Variables"]
    assert int(variables["CHURN_MAX_OBJECT_BYTES"]) == bounds.OBJECT_BYTES
    assert int(variables["CHURN_MAX_ROWS"]) == bounds.MAX_ROWS
    assert DEADLINE_RESERVE == bounds.RESERVED_SECONDS


def test_a_rate_binds_where_parts_come_as_fast_as_it_allows(measured: Measured) -> None:
    found = {bound.name: bound.at for bound in bounds.parts_at_a_time(measured.batch, 1_000_000)}
    # A part takes 3.4 s.
    assert found["starts of child executions"] == pytest.approx(300 * 3.4)
    assert found["GET and HEAD of one prefix in S3"] == pytest.approx(5_500 / 3 * 3.4)
    assert found["PUT of one prefix in S3"] == pytest.approx(3_500 * 3.4)


def test_every_line_has_a_price_that_the_page_lists(measured: Measured) -> None:
    schedule = Schedule(starts=[0.0], ends=[1.0], attempts=1)
    lines = [
        *bills.online_bill(measured, 1, prices.LAMBDA_ARM),
        *bills.sagemaker_bill(measured, 1),
        *bills.container_month(),
        *bills.container_requests(measured, 1),
        *bills.drops_bill(measured, 100, prices.LAMBDA_X86),
        *fan_out.map_bill(measured.batch, schedule, express=True),
        *fan_out.map_bill(measured.batch, schedule, express=False),
    ]
    assert {line.price for line in lines} <= set(prices.PRICES)
