"""Which dates are recognised, how they are written, and which days between them are proposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from churn_core.config import parse_config
from churn_core.data.inspection import Inspection, config_text, inspect_table
from churn_core.data.inspection.dates import read_date_format
from churn_core.errors import DataError

ROWS = 400
SNAPSHOT = np.datetime64("2024-03-31")
draw = np.random.default_rng(4)
SIGNUP = pd.Series(SNAPSHOT - draw.integers(1, 1500, ROWS).astype("timedelta64[D]"))
LOGIN = pd.Series(SNAPSHOT - draw.integers(0, 60, ROWS).astype("timedelta64[D]"))
LEFT = np.where(draw.random(ROWS) < 0.3, "yes", "no")
PLAN = draw.choice(["basic", "gold"], ROWS)


def inspect(formats: tuple[tuple[str, str], ...] = (), **dates: Any) -> Inspection:
    return inspect_table(
        pd.DataFrame({"plan": PLAN, **dates, "churned": LEFT}), "churned", date_formats=formats
    )


def reasons(inspection: Inspection) -> dict[str, str | None]:
    return {column.name: column.reason for column in inspection.columns if column.role == "left_out"}


def text(dates: pd.Series[Any], form: str) -> pd.Series[Any]:
    written: pd.Series[Any] = dates.dt.strftime(form)
    return written


@pytest.mark.parametrize(
    ("written", "date_format"),
    [
        (SIGNUP, None),
        (SIGNUP.dt.tz_localize("Europe/Berlin"), None),
        (SIGNUP.dt.date, None),
        (text(SIGNUP, "%Y-%m-%d"), None),
        (text(SIGNUP, "%Y-%m-%dT%H:%M:%SZ"), None),
        (text(SIGNUP, "%d.%m.%Y"), "DD.MM.YYYY"),
        (text(SIGNUP, "%d.%m.%Y %H:%M"), "DD.MM.YYYY"),
        (text(SIGNUP, "%m/%d/%Y"), "MM/DD/YYYY"),
        (text(SIGNUP, "%d/%m/%Y"), "DD/MM/YYYY"),
        (text(SIGNUP, "%d-%m-%Y"), "DD-MM-YYYY"),
        (text(SIGNUP, "%Y/%m/%d"), "YYYY/MM/DD"),
        (text(SIGNUP, "%Y%m%d"), "YYYYMMDD"),
        (text(SIGNUP, "%Y%m%d").astype("int64"), "YYYYMMDD"),
        (text(SIGNUP, "%Y%m%d").astype("float64"), "YYYYMMDD"),
    ],
)
def test_dates_are_recognised_and_counted_up_to_the_snapshot(written: Any, date_format: str | None) -> None:
    inspection = inspect(signup=written, snapshot_date="2024-03-31")
    assert inspection.derived == {
        "days_since_signup": {"kind": "days_between", "from": "signup", "to": "snapshot_date"}
    }
    assert inspection.text_rules.date_format("signup") == date_format
    roles = {column.name: column.role for column in inspection.columns}
    assert roles == {"plan": "feature", "signup": "date", "snapshot_date": "date", "churned": "target"}
    config = parse_config(yaml.safe_load(config_text(inspection, "t.csv")))
    assert config.contract.columns == ("plan", "signup", "snapshot_date")


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%d-%m-%Y"])
def test_dates_with_two_readings_are_asked_for(form: str) -> None:
    early = pd.Series(pd.to_datetime("2024-01-01") + pd.to_timedelta(draw.integers(0, 12, ROWS), "D"))
    inspection = inspect(signup=text(early, form), snapshot_date="2024-03-31")
    assert reasons(inspection) == {"signup": "ambiguous_date", "snapshot_date": "date_without_start"}
    (finding,) = (f for f in inspection.findings if f.rule == "ambiguous_date")
    assert "--date-format 'signup=DD/MM/YYYY'" in finding.message
    declared = form.replace("%d", "DD").replace("%m", "MM").replace("%Y", "YYYY")
    asked = inspect((("signup", declared),), signup=text(early, form), snapshot_date="2024-03-31")
    assert list(asked.derived) == ["days_since_signup"]
    assert asked.text_rules.date_format("signup") == declared


def test_a_declared_format_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(DataError, match=r"'signup' holds .* not dates in the form MM/DD/YYYY"):
        inspect((("signup", "MM/DD/YYYY"),), signup=text(SIGNUP, "%d/%m/%Y"))
    with pytest.raises(DataError, match="--date-format"):
        inspect((("sign", "MM/DD/YYYY"),), signup=text(SIGNUP, "%d/%m/%Y"))


@pytest.mark.parametrize("option", ["signup", "signup=", "=DD/MM/YYYY", "signup=DD/MM/YY", "signup=%d/%m/%Y"])
def test_the_option_has_a_column_and_a_format(option: str) -> None:
    with pytest.raises(DataError, match="--date-format"):
        read_date_format(option)


def test_the_column_of_the_option_may_hold_an_equals_sign() -> None:
    assert read_date_format("a=b=DD/MM/YYYY") == ("a=b", "DD/MM/YYYY")


def test_without_a_snapshot_the_days_up_to_a_fixed_day_are_offered() -> None:
    inspection = inspect(signup=text(SIGNUP, "%d.%m.%Y"), last_login=LOGIN)
    assert (inspection.derived, reasons(inspection)) == (
        {},
        {"signup": "date_without_end", "last_login": "date_without_end"},
    )
    written = config_text(inspection, "t.csv")
    assert "  #   days_since_signup: {kind: days_between, from: signup, to: '2024-03-31'}" in written
    assert not parse_config(yaml.safe_load(written)).contract.date_columns
    # Uncommented lines are valid.
    opened = written.replace("  # derived:", "  derived:").replace("  #   days", "    days")
    config = parse_config(yaml.safe_load(opened))
    assert config.contract.date_columns == ("signup", "last_login")
    assert config.contract.reader.text.date_format("signup") == "DD.MM.YYYY"


def test_the_snapshot_is_found_by_its_name_or_by_its_values() -> None:
    months = pd.Series(pd.to_datetime(draw.choice(["2024-04-30", "2024-05-31"], ROWS)))
    for name in ("as_of_date", "Stichtag", "month"):
        dates: dict[str, Any] = {"signup": SIGNUP, "last_login": LOGIN, name: months}
        inspection = inspect((), **dates)
        assert {spec["to"] for spec in inspection.derived.values()} == {name}
    # A single day is the snapshot, even if other dates lie in the future.
    contract_end = pd.Series(SNAPSHOT + draw.integers(-300, 300, ROWS).astype("timedelta64[D]"))
    inspection = inspect(signup=SIGNUP, contract_end=contract_end, loaded="2024-03-31")
    assert {spec["to"] for spec in inspection.derived.values()} == {"loaded"}
    # The latest of several events is no snapshot.
    assert not inspect(signup=SIGNUP, last_login=LOGIN).derived


def test_missing_dates_and_their_tokens_are_declared() -> None:
    gaps = draw.random(ROWS) < 0.2
    inspection = inspect(
        signup=SIGNUP, last_login=text(LOGIN, "%d.%m.%Y").where(~gaps, "n.a."), snapshot="2024-03-31"
    )
    assert inspection.derived["days_since_last_login"]["nullable"] is True
    assert "n.a." in inspection.text_rules.missing_tokens
    assert "nullable" not in inspection.derived["days_since_signup"]


def test_a_date_that_is_filled_for_leavers_only_is_a_leak() -> None:
    deleted = LOGIN.where(LEFT == "yes")
    inspection = inspect(signup=SIGNUP, deleted_at=deleted, snapshot="2024-03-31")
    assert reasons(inspection) == {"deleted_at": "filled_for_leavers"}
    assert list(inspection.derived) == ["days_since_signup"]
    offered = inspect(signup=SIGNUP, deleted_at=text(deleted, "%d.%m.%Y"))
    assert list(offered.offered) == ["days_since_signup"]


def test_days_that_give_the_target_away_are_left_out() -> None:
    days = np.where(LEFT == "yes", draw.integers(60, 90, ROWS), draw.integers(0, 30, ROWS))
    months = draw.choice(["2024-01-31", "2024-02-29", "2024-03-31"], ROWS).astype("datetime64[D]")
    inspection = inspect(
        signup=SIGNUP - pd.Timedelta(days=90), seen=months - days.astype("timedelta64[D]"), snapshot=months
    )
    assert reasons(inspection) == {"seen": "date_leaks"}


def test_names_of_days_are_new() -> None:
    inspection = inspect(signup=SIGNUP, days_since_signup=np.arange(ROWS) % 97, snapshot="2024-03-31")
    assert list(inspection.derived) == ["days_since_signup_"]


def test_times_and_unusual_dates_are_left_out_as_before() -> None:
    inspection = inspect(
        clock=[f"{n % 24:02d}:30" for n in range(ROWS)],
        month=text(SIGNUP, "%d %b %Y"),
        short=text(SIGNUP, "%d.%m.%y"),
        wait=pd.to_timedelta(np.arange(ROWS), "s"),
    )
    assert reasons(inspection) == dict.fromkeys(["clock", "month", "short", "wait"], "date")
