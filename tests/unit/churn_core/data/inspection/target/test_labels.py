"""Which label means that the customer left: by the labels and the column's name together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from churn_core.config import parse_config
from churn_core.data import validate_data
from churn_core.data.columns import kept_rows, target_labels
from churn_core.data.inspection import config_text, inspect_table
from churn_core.data.inspection.target.label_words import meaning_of
from churn_core.data.inspection.target.labels import MOST_LABELS, read_target
from churn_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from churn_core.config import Settings

LEFT_NAMES = [
    *("churn", "Churn", "CHURN", "churned", "is_churn", "ischurn", "hasChurned", "churn_flag", "churnflag"),
    *(
        "will_churn",
        "Churn Label",
        "Exited",
        "attrition",
        "Attrition_Flag",
        "cancelled",
        "is_canceled",
        "left",
    ),
    *("has_left", "lapsed", "account_closed", "isUnsubscribed", "inactive", "is_inactive", "not_renewed"),
    *(
        "notRenewed",
        "non_retained",
        "nonrenewal",
        "not active",
        "customer_lost",
        "LEFT_FLAG",
        "not_a_customer",
    ),
    # German, Spanish, Portuguese, French, Italian, Dutch, Turkish
    *("gekündigt", "gekuendigt", "Kündigung", "ist_abgewandert", "nicht_verlängert", "inaktiv"),
    *("abandono", "cliente_perdido", "dado_de_baja", "no_renovado", "cancelou", "saiu", "inativo"),
    *("résilié", "est_parti", "desabonne", "non_renouvelé", "abbandono", "disdetta", "cessato"),
    *("vertrokken", "opgezegd", "niet_verlengd", "ayrıldı", "terk_etti", "iptal", "İptal"),
]
STAYED_NAMES = [
    *(
        "retained",
        "is_retained",
        "renewed",
        "Renewed?",
        "active",
        "is_active",
        "isActiveMember",
        "active_flag",
    ),
    *("activeflag", "isactive", "IsActiveMember", "stayed", "Stayed", "subscribed", "is_customer", "loyal"),
    *("still_customer", "stillCustomer", "is_member", "not_churned", "no_churn", "nonchurn", "not_cancelled"),
    *("geblieben", "verlängert", "Vertrag verlaengert", "aktiv", "ist_noch_kunde", "nicht_gekündigt"),
    *("activo", "renovado", "es_cliente", "permanece", "ativo", "ficou", "renovou", "fidèle", "actif"),
    *("est_client", "renouvelé", "attivo", "rimasto", "è_cliente", "actief", "gebleven", "is_klant"),
    *("aktif", "kaldı", "yeniledi", "sadık"),
]
UNCLEAR_NAMES = [
    "target",
    "y",
    "outcome",
    "Customer Status",
    "label",
    "target_14d",
    "active_or_churned",
    "x1",
]
ANSWERS = [
    ("1", "0"),
    ("yes", "no"),
    ("True", "False"),
    ("Y", "N"),
    ("ja", "nein"),
    ("sí", "no"),
    ("oui", "non"),
]


def labels_of(yes: str, no: str, share: float = 0.3) -> pd.Series[Any]:
    return pd.Series([yes] * int(10 * share) + [no] * (10 - int(10 * share)))


@pytest.mark.parametrize(("yes", "no"), ANSWERS)
def test_a_yes_means_what_the_columns_name_says(yes: str, no: str) -> None:
    for name in LEFT_NAMES:
        target = read_target(labels_of(yes, no), name)
        assert (target.positive[0].casefold(), target.doubt) == (yes.casefold(), None), name
    for name in STAYED_NAMES:
        target = read_target(labels_of(yes, no, 0.7), name)
        assert (target.positive[0].casefold(), target.doubt) == (no.casefold(), None), name


@pytest.mark.parametrize("name", UNCLEAR_NAMES)
def test_a_name_that_says_nothing_leaves_a_yes_in_doubt(name: str) -> None:
    target = read_target(labels_of("1", "0"), name)
    assert (target.positive, target.chosen_by, target.doubt) == (("1",), "guess", "positive_guessed")


@pytest.mark.parametrize(
    ("left", "stayed"),
    [
        *(("Churned", "Stayed"), ("Attrited Customer", "Existing Customer"), ("inactive", "active")),
        *(("who knows", "loyal"), ("dormant", "Active"), ("cancelled", "renewed"), ("gekündigt", "aktiv")),
        *(
            ("not renewed", "renewed"),
            ("churn", "no churn"),
            ("No longer active; left", "x"),
            ("inativo", "ativo"),
        ),
        *(("résilié", "actif"), ("vertrokken", "gebleven"), ("ayrıldı", "aktif"), ("baja", "activo")),
    ],
)
def test_labels_that_speak_for_themselves_decide_whatever_the_name_and_the_shares(
    left: str, stayed: str
) -> None:
    for name in ("Customer Status", "retained", "churn", "t"):
        for share in (0.2, 0.5):
            target = read_target(labels_of(left, stayed, share), name)
            assert (target.positive, target.negative) == ((left,), (stayed,))
            assert (target.chosen_by, target.doubt) == ("word", None)


@pytest.mark.parametrize("values", [[0, 1], [0.0, 1.0], ["0.0", "1.0"], [False, True]])
def test_the_type_that_stores_a_label_does_not_matter(values: list[Any]) -> None:
    assert read_target(pd.Series(values * 5), "churned").positive[0] in ("1", "true")
    assert read_target(pd.Series(values * 5), "retained").positive[0] in ("0", "false")


def test_labels_that_say_the_same_or_nothing_are_in_doubt_and_the_rarer_is_taken() -> None:
    for labels, name in ((("A", "B"), "churn"), (("active", "no"), "churn"), (("1", "2"), "retained")):
        target = read_target(pd.Series([labels[0]] * 3 + [labels[1]] * 9), name)
        assert (target.positive, target.chosen_by, target.doubt) == (
            (labels[0],),
            "rarity",
            "positive_guessed",
        )


def test_more_than_half_who_left_are_in_doubt_unless_the_user_named_the_label() -> None:
    series = labels_of("yes", "no", 0.8)
    assert read_target(series, "churn").doubt == "most_left"
    assert read_target(series, "churn", ["yes"]).doubt is None


def test_names_with_both_meanings_say_nothing() -> None:
    assert meaning_of("churned_or_retained") is None
    assert meaning_of("Activity") is None
    assert (meaning_of("customer"), meaning_of("client left")) == ("stayed", "left")


def test_the_doubt_is_said_first_in_the_yaml(customers: pd.DataFrame) -> None:
    table = customers.rename(columns={"churned": "outcome"})
    found = inspect_table(table, "outcome")
    assert [f.rule for f in found.findings] == ["positive_guessed"]
    head, _, rest = config_text(found, "t.csv").partition("\ndata:")
    assert "Warning: Column outcome has a name and labels that do not say" in head
    assert "assumed to be" in rest


def test_a_label_can_be_named() -> None:
    series = pd.Series(["A"] * 3 + ["B"] * 9)
    assert read_target(series, "t", ["B"]).positive == ("B",)
    assert read_target(series, "t", [" b "]).positive == ("B",)
    assert read_target(pd.Series([0, 1, 1]), "t", ["0"]).positive == ("0",)
    with pytest.raises(DataError, match="--positive 'C'"):
        read_target(series, "t", ["C"])
    with pytest.raises(DataError, match="every label"):
        read_target(series, "t", ["A", "B"])


@pytest.mark.parametrize("values", [["a"] * 9, ["a", "b", "c"] * 3, [None] * 9, np.arange(9) / 7])
def test_a_target_without_exactly_two_labels_is_refused_and_none_is_shown(values: Any) -> None:
    with pytest.raises(DataError, match=r"exactly two.*--target") as caught:
        read_target(pd.Series(values), "gone")
    assert "'gone'" in str(caught.value)
    assert "'b'" not in str(caught.value)


def test_a_column_with_many_labels_is_no_target_even_if_one_is_named() -> None:
    fits = pd.Series([f"l{number}" for number in range(MOST_LABELS)])
    assert len(read_target(fits, "t", ["l3"]).negative) == MOST_LABELS - 1
    with pytest.raises(DataError, match="--target"):
        read_target(pd.concat([fits, pd.Series(["more"])]), "t", ["l3"])


# ---------------------------------------------------------------- several labels


@pytest.fixture
def statuses(customers: pd.DataFrame) -> pd.DataFrame:
    words = customers["churned"].map({"yes": "Churned", "no": "Stayed"})
    return customers.drop(columns="churned").assign(
        status=words.where(customers.index % 10 != 0, "Joined").where(customers.index % 10 != 1, "Paused")
    )


def configured(table: pd.DataFrame, **options: Any) -> Settings:
    return parse_config(yaml.safe_load(config_text(inspect_table(table, "status", **options), "t.csv")))


def test_three_labels_are_refused_with_the_options_that_help(statuses: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"4 different labels.*--positive.*--exclude-label"):
        inspect_table(statuses, "status")


def test_one_label_against_the_rest(statuses: pd.DataFrame) -> None:
    settings = configured(statuses, positive=["churned"])
    assert settings.data.target.positive == "Churned"
    assert sorted(settings.data.target.negative or ()) == ["Joined", "Paused", "Stayed"]
    labels = target_labels(statuses["status"], settings.contract)
    assert (labels == 1).tolist() == (statuses["status"] == "Churned").tolist()
    assert validate_data(statuses, settings.contract).ok


def test_several_labels_may_mean_left(statuses: pd.DataFrame) -> None:
    settings = configured(statuses, positive=["Churned", "Paused"])
    labels = target_labels(statuses["status"], settings.contract)
    assert (labels == 1).tolist() == statuses["status"].isin(["Churned", "Paused"]).tolist()


def test_rows_of_excluded_labels_are_set_aside_and_counted(statuses: pd.DataFrame) -> None:
    found = inspect_table(statuses, "status", exclude=["joined", "Paused"])
    assert (found.rows, found.excluded_rows) == (1_600, 400)
    assert (found.target.positive, found.target.chosen_by) == (("Churned",), "word")
    contract = configured(statuses, exclude=["joined", "Paused"]).contract
    assert contract.excluded in (("Joined", "Paused"), ("Paused", "Joined"))
    assert len(kept_rows(statuses["status"], contract)) == 1_600
    spoiled = statuses.assign(plan=statuses["plan"].mask(statuses.index.isin([20, 1_999])))
    (finding,) = validate_data(spoiled, contract).errors
    assert (finding.column, finding.rule, finding.example_rows) == ("plan", "missing", (1_999,))
    with pytest.raises(DataError, match="--exclude-label 'Gone'"):
        inspect_table(statuses, "status", exclude=["Gone"])


def test_a_label_never_seen_is_refused_unless_all_others_mean_stayed(statuses: pd.DataFrame) -> None:
    settings = configured(statuses, positive=["Churned"])
    new = statuses.assign(status=statuses["status"].mask(statuses.index == 7, "Moved"))
    assert [f.rule for f in validate_data(new, settings.contract).errors] == ["unknown_label"]
    with pytest.raises(DataError, match=r"1 rows .*data\.target\.exclude"):
        target_labels(new["status"], settings.contract)
    content = settings.model_dump(mode="json")
    del content["data"]["target"]["negative"]
    rest = parse_config(content).contract
    assert validate_data(new, rest).ok
    assert target_labels(new["status"], rest)[7] == 0
    with pytest.raises(DataError, match="1 rows"):
        target_labels(new["status"].mask(new.index == 7), rest)


def test_a_label_has_one_meaning(statuses: pd.DataFrame) -> None:
    content = configured(statuses, positive=["Churned"]).model_dump(mode="json")
    content["data"]["target"]["exclude"] = ["Stayed"]
    with pytest.raises(ConfigError, match="once"):
        parse_config(content)
