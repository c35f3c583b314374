"""Sample customers have the columns, dependences and learnable churn that their module documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from sklearn.metrics import roc_auc_score

from churn_core.config import load_config
from churn_core.data import generate_sample_data, load_csv, load_parquet, load_table, write_sample_data
from churn_core.data.generation import churn_probability
from churn_core.errors import OutputError
from churn_core.schema import Contract

INTERNET_ADD_ONS = [
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
    "StreamingMovies",
]


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return generate_sample_data(60_000, seed=11)


# --- the schema


def test_given_the_default_contract_then_the_columns_are_its_columns_in_order(
    customers: pd.DataFrame, telco_contract: Contract
) -> None:
    expected = [telco_contract.id_column, *telco_contract.names, telco_contract.target]
    assert list(customers.columns) == expected
    dtypes = customers.dtypes.astype(str).to_dict()
    numbers = {
        "SeniorCitizen": "int64",
        "tenure": "int64",
        "MonthlyCharges": "float64",
        "TotalCharges": "float64",
    }
    assert dtypes == dict.fromkeys(expected, "str") | numbers


def test_given_the_real_telco_table_then_the_columns_and_categories_are_the_same(
    customers: pd.DataFrame, telco_csv: Path
) -> None:
    real = load_csv(telco_csv)
    assert list(customers.columns) == list(real.columns)
    for name in set(real.columns) - {"customerID", "tenure", "MonthlyCharges", "TotalCharges"}:
        assert set(customers[name].astype("str")) == set(real[name])


def test_given_a_number_of_customers_then_their_ids_are_unique(customers: pd.DataFrame) -> None:
    assert customers["customerID"].is_unique
    assert customers["customerID"].str.fullmatch(r"[0-9]{7}-[A-Z]{5}").all()
    assert customers["customerID"][0].startswith("0000001-")


def test_given_no_customers_then_the_table_is_empty_with_the_same_columns(customers: pd.DataFrame) -> None:
    empty = generate_sample_data(0)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == customers.dtypes.to_dict()


def test_given_the_same_seed_then_the_table_is_identical() -> None:
    pd.testing.assert_frame_equal(generate_sample_data(500, seed=4), generate_sample_data(500, seed=4))
    assert not generate_sample_data(500, seed=4).equals(generate_sample_data(500, seed=5))


@pytest.mark.parametrize(
    ("n", "seed", "complaint"), [(-1, 0, "n must be at least 0"), (1, -1, "non-negative")]
)
def test_given_a_negative_number_then_it_is_refused(n: int, seed: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        generate_sample_data(n, seed)


# --- dependence between columns


def test_given_no_internet_then_all_six_services_say_so(customers: pd.DataFrame) -> None:
    without = customers["InternetService"] == "No"
    for name in INTERNET_ADD_ONS:
        assert ((customers[name] == "No internet service") == without).all()
    assert (customers.loc[without, "PhoneService"] == "Yes").all()


def test_given_no_telephone_then_multiple_lines_say_so(customers: pd.DataFrame) -> None:
    without = customers["PhoneService"] == "No"
    assert without.any()
    assert ((customers["MultipleLines"] == "No phone service") == without).all()


def test_given_the_tenure_then_the_total_is_missing_exactly_where_it_is_zero(customers: pd.DataFrame) -> None:
    unbilled = customers["tenure"] == 0
    assert 0 < unbilled.sum() < 300
    assert (customers["TotalCharges"].isna() == unbilled).all()
    assert 0 < (customers.loc[unbilled, "Churn"] == "Yes").mean() < 0.5
    product = customers["tenure"] * customers["MonthlyCharges"]
    assert 20 < (customers["TotalCharges"] - product).abs().median() < 40
    assert customers["TotalCharges"].corr(product) > 0.99


def test_given_the_services_then_they_make_the_price(customers: pd.DataFrame) -> None:
    basic = (customers["InternetService"] == "No") & (customers["MultipleLines"] == "No")
    assert customers.loc[basic, "MonthlyCharges"].mean() == pytest.approx(20, abs=0.2)
    fiber = customers["InternetService"] == "Fiber optic"
    full = fiber & (customers[[*INTERNET_ADD_ONS, "MultipleLines"]] == "Yes").all(axis=1)
    assert customers.loc[full, "MonthlyCharges"].mean() == pytest.approx(115, abs=0.2)


def test_given_longer_contracts_then_customers_stayed_longer_and_leave_less(customers: pd.DataFrame) -> None:
    by_contract = customers.groupby("Contract")
    assert by_contract["tenure"].mean().is_monotonic_increasing
    assert by_contract["Churn"].agg(lambda labels: (labels == "Yes").mean()).is_monotonic_decreasing


# --- churn


def test_given_many_customers_then_about_26_percent_leave(customers: pd.DataFrame) -> None:
    assert (customers["Churn"] == "Yes").mean() == pytest.approx(0.262, abs=0.008)


def test_given_the_documented_formula_then_churn_follows_it(customers: pd.DataFrame) -> None:
    probability = churn_probability(customers)
    left = (customers["Churn"] == "Yes").to_numpy()
    for tenth in np.array_split(np.argsort(probability), 10):
        assert left[tenth].mean() == pytest.approx(probability[tenth].mean(), abs=0.025)


def test_given_one_customer_then_the_log_odds_are_those_of_the_docstring() -> None:
    customer = pd.DataFrame(
        {
            "SeniorCitizen": [1],
            "Partner": ["No"],
            "Dependents": ["No"],
            "tenure": [9],
            "MultipleLines": ["Yes"],
            "InternetService": ["Fiber optic"],
            **{name: ["No"] for name in INTERNET_ADD_ONS},
            "Contract": ["Month-to-month"],
            "PaperlessBilling": ["Yes"],
            "PaymentMethod": ["Electronic check"],
            "MonthlyCharges": [75.0],
        }
    )
    log_odds = 0.4 + 0.25 + 0.15 + 0.45 + 0.35 + 0.4 - 0.55 * np.log(10) + 0.01 * 10 + 0.35
    assert churn_probability(customer)[0] == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert churn_probability(customer.assign(tenure=0))[0] == pytest.approx(
        1 / (1 + np.exp(-(log_odds + 0.55 * np.log(10) - 2)))
    )


def test_given_the_true_probability_then_its_auc_is_the_documented_one() -> None:
    table = generate_sample_data(200_000)
    assert roc_auc_score(table["Churn"] == "Yes", churn_probability(table)) == pytest.approx(0.854, abs=0.001)


# --- files


def test_given_a_csv_file_then_it_reads_back_as_the_table(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    write_sample_data(path, 5000, seed=2)
    table, read = generate_sample_data(5000, seed=2), load_csv(path)
    assert read["customerID"].tolist() == table["customerID"].tolist()
    charges = pd.to_numeric(read["TotalCharges"], errors="coerce")
    np.testing.assert_array_equal(charges, table["TotalCharges"])
    assert (read["TotalCharges"] == "").sum() == (table["tenure"] == 0).sum()
    assert '"' not in path.read_text(encoding="utf-8")


def test_given_a_parquet_file_then_it_reads_back_as_the_table(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    write_sample_data(path, 5000, seed=2)
    pd.testing.assert_frame_equal(load_parquet(path), generate_sample_data(5000, seed=2))
    assert parquet.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_given_an_empty_sample_then_the_file_still_has_the_columns(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sample{ending}"
    write_sample_data(path, 0)
    assert list(load_table(path).columns) == list(generate_sample_data(0).columns)


def test_given_a_write_error_then_only_the_older_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("older")

    def fail_halfway(table: object, unfinished: Path, options: object) -> None:
        unfinished.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("churn_core.data.generation.arrow_csv.write_csv", fail_halfway)
    with pytest.raises(OutputError, match="No space left"):
        write_sample_data(path, 10)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/sample.csv", "missing/sample.parquet", "folder.csv"])
def test_given_an_unwritable_path_then_an_output_error_is_raised(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match=r"can't be written|is a folder"):
        write_sample_data(tmp_path / name, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


def test_given_another_ending_then_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"neither in \.csv nor in \.parquet"):
        write_sample_data(tmp_path / "sample.xlsx", 10)
    assert list(tmp_path.iterdir()) == []


def test_given_the_default_configuration_then_the_sample_has_its_columns(tmp_path: Path) -> None:
    assert set(load_config().contract.names) <= set(generate_sample_data(1).columns)
