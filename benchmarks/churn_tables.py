"""Churn tables with other schemas than the sample's, to compare models and to try `churn init`.

The probability to leave has thresholds, humps and interactions, one of them between three columns, so a
plain linear model is far from the best. The columns are as untidy as real ones: dates, booleans, numbers
as text, decimals, free text, and names with blanks, dots, quotes and non-ASCII letters.

    python -m benchmarks.churn_tables streaming OUT.csv [--rows 10000]
    python -m benchmarks.churn_tables bank OUT.parquet [--rows 10000]
"""

from __future__ import annotations

import argparse
import decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TARGETS: Final = {"streaming": "Churned ", "bank": "Exited", "telephone": "churn?"}
"""The target column of each table; the first ends with a blank on purpose."""


def streaming_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Make the customers of a video service, with the untidiness of a CSV file.

    Few watch hours matter only after the first month. Price rises matter for monthly plans only. Large
    households stay on the Premium plan, small ones on the others.
    """
    draw = np.random.default_rng(seed)
    plan = draw.choice(["Basic", "Standard", "Premium", "Student"], rows, p=[0.3, 0.4, 0.2, 0.1])
    yearly = draw.random(rows) < np.where(plan == "Student", 0.05, 0.35)
    months = np.floor(draw.gamma(1.6, 11, rows)).astype(np.int64)
    hours = np.round(draw.gamma(1.8, 9, rows) * np.where(plan == "Premium", 1.4, 1.0), 1)
    idle = np.minimum(np.floor(draw.exponential(5 + 25 / (1 + hours))), 180).astype(np.int64)
    household = draw.choice([1, 2, 3, 4, 5], rows, p=[0.3, 0.3, 0.2, 0.15, 0.05])
    rises = draw.poisson(0.5, rows)
    verified = draw.random(rows) < 0.7
    tickets = draw.poisson(0.6, rows)
    city = draw.zipf(1.35, rows) % 900
    city_effect = np.random.default_rng(1).normal(0, 0.35, 900)
    log_odds = (
        -1.9
        + 1.3 * ((hours < 4) & (months >= 1))
        + 0.9 * np.tanh((idle - 12) / 6)
        + np.where(yearly, -0.9, 0.75 * np.minimum(rises, 3))
        + 1.1 * ((months >= 11) & (months <= 14) & yearly)
        - 0.03 * np.minimum(months, 40)
        + np.where((household >= 3) == (plan == "Premium"), -0.45, 0.45)
        + np.where((tickets >= 2) & ~verified, 1.2, 0.15 * tickets)
        + np.where((plan == "Student") & (months > 18) & ~yearly, 1.2, 0.0)
        + city_effect[city]
    )
    text_hours = pd.Series(np.char.mod("%.1f", hours)).mask(draw.random(rows) < 0.04, " ")
    joined = pd.Timestamp("2024-06-30") - pd.to_timedelta(months * 30 + draw.integers(0, 30, rows), unit="D")
    return pd.DataFrame(
        {
            "Customer No.": np.char.mod("C-%07d", draw.permutation(rows) + 1_000_000),
            "sign-up date": joined.strftime("%Y-%m-%d"),
            "Plan Type": plan,
            "yearly.plan": yearly,
            "months subscribed": months,
            "watch hours": text_hours,
            "days since last login": idle,
            "Haushaltsgröße": household,
            'price "rises"': rises,
            "e-mail.verified": verified,
            "support tickets": tickets,
            "city": np.char.mod("city %03d", city),
            "currency": "EUR",
            "note": np.char.mod("called on day %d about invoice", draw.integers(0, 10**9, rows)),
            TARGETS["streaming"]: np.where(_left(draw, log_odds), "yes", "no"),
        }
    )


def bank_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Make the customers of a bank, with the decimals, timestamps and NULLs of a Parquet file.

    Middle-aged customers leave more often. Customers with two products stay, with four they leave. A large
    balance matters in one country only.
    """
    draw = np.random.default_rng(seed)
    country = draw.choice(["France", "Germany", "Spain"], rows, p=[0.5, 0.25, 0.25])
    age = np.clip(np.rint(draw.gamma(14, 2.8, rows)), 18, 92).astype(np.int64)
    products = draw.choice([1, 2, 3, 4], rows, p=[0.5, 0.44, 0.05, 0.01])
    active = draw.random(rows) < 0.52
    empty = draw.random(rows) < np.where(country == "Germany", 0.02, 0.48)
    balance = np.where(empty, 0, np.round(draw.normal(120_000, 30_000, rows).clip(3_000), 2))
    female = draw.random(rows) < 0.45
    years = draw.integers(0, 11, rows)
    credit = np.clip(np.rint(draw.normal(650, 95, rows)), 350, 850)
    salary = np.round(draw.uniform(10_000, 200_000, rows), 2)
    log_odds = (
        -2.1
        + 2.4 * np.exp(-(((age - 53) / 10) ** 2))
        + np.where(active, -0.7, 0.3)
        - 1.0 * (active & (age > 62))
        + np.array([0.0, 0.6, -0.9, 2.3, 3.5])[products]
        + np.where(country == "Germany", 1.0 * (balance > 115_000), -0.1)
        + np.where(female & (products == 1), 0.7, 0.0)
        + 0.9 * ((credit < 420) & (balance == 0))
        + 0.8 * ((years <= 1) & ~active & (country == "Spain"))
    )
    opened = pd.Timestamp("2020-01-01") - pd.to_timedelta(years * 365 + draw.integers(0, 365, rows), unit="D")
    return pd.DataFrame(
        {
            "CustomerId": draw.permutation(rows) + 15_000_000,
            "opened at": opened,
            "Geography": pd.Categorical(country),
            "Gender": np.where(female, "Female", "Male"),
            "Age": pd.Series(age, dtype="Int16").mask(draw.random(rows) < 0.03),
            "Tenure": pd.Series(years, dtype="int8"),
            "Balance": [decimal.Decimal(f"{value:.2f}") for value in balance],
            "Num.Of.Products": pd.Series(products, dtype="int8"),
            "HasCrCard": draw.random(rows) < 0.7,
            "IsActiveMember": active,
            "CreditScore": pd.Series(credit).mask(draw.random(rows) < 0.05),
            "EstimatedSalary": salary,
            TARGETS["bank"]: _left(draw, log_odds).astype(np.int64),
        }
    )


def telephone_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Make the customers of a telephone company, whose bill is the sum of three usages.

    Customers with a bill above a limit leave unless they have a voice-mail plan. This interaction of four
    columns is the hardest of the three tables for a model of single features and pairs.
    """
    draw = np.random.default_rng(seed)
    day, evening, night = (np.round(draw.normal(mean, 50, rows).clip(0), 1) for mean in (180, 200, 200))
    international = np.round(draw.normal(10.2, 2.8, rows).clip(0), 1)
    plan = draw.random(rows) < 0.1
    voice_mail = draw.random(rows) < 0.28
    calls = draw.poisson(1.6, rows)
    bill = 0.17 * day + 0.085 * evening + 0.045 * night
    log_odds = (
        -3.0
        + np.where(voice_mail, 0.3, 3.2) / (1 + np.exp(-(bill - 71) / 2.5))
        + np.where(calls >= 4, np.where(bill < 50, 3.4, 1.0), 0.0)
        + np.where(plan, np.where(international > 13.1, 3.6, 1.1), 0.0)
    )
    return pd.DataFrame(
        {
            "phone": np.char.mod("555-%07d", draw.permutation(rows)),
            "state": np.char.mod("S%02d", draw.integers(0, 51, rows)),
            "international plan": np.where(plan, " yes", " no"),
            "voice mail plan": np.where(voice_mail, " yes", " no"),
            "total day minutes": day,
            "total eve minutes": evening,
            "total night minutes": night,
            "total intl minutes": international,
            "customer service calls": calls,
            TARGETS["telephone"]: np.where(_left(draw, log_odds), " True.", " False."),
        }
    )


TABLES: Final[dict[str, Callable[[int, int], pd.DataFrame]]] = {
    "streaming": streaming_table,
    "bank": bank_table,
    "telephone": telephone_table,
}


def _left(draw: np.random.Generator, log_odds: Floats) -> npt.NDArray[np.bool_]:
    left: npt.NDArray[np.bool_] = draw.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))
    return left


def _main() -> None:
    parser = argparse.ArgumentParser(description="Write a churn table with another schema.")
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = TABLES[options.table](options.rows, options.seed)
    if options.out.suffix == ".parquet":
        table.to_parquet(options.out, index=False)
    else:
        table.to_csv(options.out, index=False)


if __name__ == "__main__":
    _main()
