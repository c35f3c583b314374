"""Ten honest churn tables of different trades and languages: no trap, a well-named id and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = np.random.Generator


def _leaves(draw: Draw, log_odds: Any) -> Any:
    return draw.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))


def telephone(draw: Draw, rows: int) -> pd.DataFrame:
    months = draw.geometric(0.03, rows)
    plan = draw.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.55, 0.2, 0.25])
    monthly = draw.normal(65, 25, rows).clip(18).round(2)
    left = _leaves(draw, -1.6 + 1.2 * (plan == "Month-to-month") - 0.02 * months + 0.006 * monthly)
    return pd.DataFrame(
        {
            "customerID": [f"{n:04d}-AB{n % 89}" for n in draw.permutation(rows)],
            "SeniorCitizen": draw.integers(0, 2, rows),
            "tenure": months,
            "Contract": plan,
            "MonthlyCharges": monthly,
            "TotalCharges": (months * monthly).round(2),
            "number_of_calls": draw.poisson(3, rows),
            "Churn": np.where(left, "Yes", "No"),
        }
    )


def bank(draw: Draw, rows: int) -> pd.DataFrame:
    age = draw.normal(40, 11, rows).clip(18, 92).round().astype(int)
    active = draw.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "CustomerId": draw.permutation(9 * rows)[:rows] + 15_565_701,
            "CreditScore": draw.normal(650, 96, rows).clip(350, 850).round().astype(int),
            "Geography": draw.choice(["France", "Spain", "Germany"], rows),
            "Age": age,
            "account_balance": np.where(draw.random(rows) < 0.35, 0, draw.normal(1.2e5, 3e4, rows)).round(2),
            "NumOfProducts": draw.choice([1, 2, 3, 4], rows, p=[0.5, 0.45, 0.04, 0.01]),
            "IsActiveMember": active,
            "EstimatedSalary": draw.uniform(0, 2e5, rows).round(2),
            "Exited": _leaves(draw, -4.5 + 0.07 * age - 0.9 * active).astype(int),
        }
    )


def software(draw: Draw, rows: int) -> pd.DataFrame:
    plan = draw.choice(["Basic", "Pro", "Enterprise"], rows)
    seats = 1 + draw.exponential(25, rows).astype(int)
    mrr = seats * pd.Series(plan).map({"Basic": 19, "Pro": 49, "Enterprise": 199})
    return pd.DataFrame(
        {
            "subscription_id": [f"S-{n * 7919 % 999_983:06x}" for n in range(1, rows + 1)],
            "plan_tier": plan,
            "seats": seats,
            "mrr_amount": mrr,
            "arr_amount": 12 * mrr,
            "upgrade_flag": draw.random(rows) < 0.1,
            "billing_frequency": draw.choice(["monthly", "annual"], rows),
            "auto_renew_flag": draw.random(rows) < 0.8,
            "renewed": np.where(_leaves(draw, 1.2 - 0.8 * (plan == "Basic") + 0.01 * seats), "yes", "no"),
        }
    )


def insurance(draw: Draw, rows: int) -> pd.DataFrame:
    premium = draw.gamma(4, 110, rows).round(2)
    claims = draw.poisson(0.4, rows)
    return pd.DataFrame(
        {
            "policy_number": [f"P{n:07d}" for n in draw.permutation(10 * rows)[:rows]],
            "policy_type": draw.choice(["car", "home", "travel"], rows),
            "annual_premium": premium,
            "claims_last_year": claims,
            "bonus_class": draw.integers(1, 15, rows),
            "no_claims_years": draw.poisson(4, rows),
            "lapsed": _leaves(draw, -2.5 + 0.003 * premium - 0.3 * claims),
        }
    )


def gym(draw: Draw, rows: int) -> pd.DataFrame:
    visits = draw.gamma(1.5, 2, rows).round(1)
    return pd.DataFrame(
        {
            "member.no": draw.permutation(rows) + 2_001,
            "gender": draw.choice(np.array(["f", "m", None]), rows, p=[0.48, 0.48, 0.04]),
            "age": draw.integers(16, 70, rows),
            "visits_per_week": visits,
            "months_to_end": draw.integers(1, 13, rows),
            "personal_trainer": draw.integers(0, 2, rows),
            "still_member": (~_leaves(draw, 0.2 - 0.5 * visits)).astype(int),
        }
    )


def energie(draw: Draw, rows: int) -> pd.DataFrame:
    verbrauch = draw.gamma(6, 500, rows).round()
    laufzeit = draw.integers(1, 120, rows)
    return pd.DataFrame(
        {
            "Vertragsnr": [f"V{n:08d}" for n in draw.permutation(50 * rows)[:rows]],
            "PLZ": draw.integers(10, 40, rows) * 1_000,
            "Jahresverbrauch": verbrauch,
            "Vertragslaufzeit": laufzeit,
            "Anzahl_Verträge": 1 + draw.poisson(0.3, rows),
            "Ökostrom": draw.choice(["ja", "nein"], rows),
            "gekündigt": np.where(_leaves(draw, -0.8 - 0.02 * laufzeit + 0.0001 * verbrauch), "ja", "nein"),
        }
    )


def shop(draw: Draw, rows: int) -> pd.DataFrame:
    orders = 1 + draw.poisson(5, rows)
    basket = draw.lognormal(3.5, 0.5, rows).round(2)
    return pd.DataFrame(
        {
            "user_id": draw.permutation(100 * rows)[:rows] + 1,
            "orders": orders,
            "average_basket": basket,
            "revenue": (orders * basket).round(2),
            "days_since_order": draw.exponential(40, rows).astype(int),
            "id_checks": draw.poisson(1, rows),
            "newsletter": draw.random(rows) < 0.4,
            "channel": draw.choice(["web", "app", "phone"], rows),
            "churned": _leaves(draw, -0.3 - 0.25 * orders).astype(int),
        }
    )


def journal(draw: Draw, rows: int) -> pd.DataFrame:
    anciennete = draw.integers(0, 40, rows)
    return pd.DataFrame(
        {
            "numéro_abonné": draw.permutation(rows) + 70_000,
            "formule": draw.choice(["papier", "numérique", "les deux"], rows),
            "ancienneté": anciennete,
            "lecture_par_semaine": draw.poisson(3, rows),
            "département": draw.integers(1, 25, rows),
            "résilié": np.where(_leaves(draw, -0.5 - 0.06 * anciennete), "oui", "non"),
        }
    )


def prepago(draw: Draw, rows: int) -> pd.DataFrame:
    recarga = draw.gamma(2, 6, rows).round(1)
    return pd.DataFrame(
        {
            "msisdn": 34_600_000_000 + draw.permutation(500 * rows)[:rows],
            "recarga_media": recarga,
            "minutos": draw.gamma(2, 80, rows).round(),
            "llamadas_soporte": draw.poisson(0.5, rows),
            "saldo": draw.exponential(6, rows).round(2),
            "activo": (~_leaves(draw, 0.4 - 0.15 * recarga)).astype(int),
        }
    )


def staff(draw: Draw, rows: int) -> pd.DataFrame:
    overtime = draw.choice(["Yes", "No"], rows, p=[0.3, 0.7])
    income = draw.lognormal(8.6, 0.5, rows).round()
    return pd.DataFrame(
        {
            "EmployeeNumber": range(1, rows + 1),
            "Age": draw.integers(18, 61, rows),
            "Department": draw.choice(["Sales", "Research", "HR"], rows),
            "MonthlyIncome": income,
            "OverTime": overtime,
            "YearsAtCompany": draw.poisson(7, rows),
            "Attrition": np.where(
                _leaves(draw, -1.8 + 1.3 * (overtime == "Yes") - 0.00004 * income), "Yes", "No"
            ),
        }
    )


HONEST_TABLES: dict[str, tuple[Callable[[Draw, int], pd.DataFrame], str, str]] = {
    "telephone": (telephone, "customerID", "Yes"),
    "bank": (bank, "CustomerId", "1"),
    "software": (software, "subscription_id", "no"),
    "insurance": (insurance, "policy_number", "true"),
    "gym": (gym, "member.no", "0"),
    "energie": (energie, "Vertragsnr", "ja"),
    "shop": (shop, "user_id", "1"),
    "journal": (journal, "numéro_abonné", "oui"),
    "prepago": (prepago, "msisdn", "0"),
    "staff": (staff, "EmployeeNumber", "Yes"),
}
"""By name: the table's maker, its id and the label of customers who left. The last column is the target."""
