"""The report: its numbers are the model's, users' text is escaped, its bytes are reproducible."""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import onnxruntime as ort
import pytest
from sklearn.metrics import confusion_matrix

from churn_core.decision_settings import DecisionSettings
from churn_core.models.evaluation.selection import GIVEN_AWAY
from churn_core.models.evaluation.threshold import choose_threshold
from churn_core.reports import render_report
from churn_core.reports.report import METRICS
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.models.export.prove import ProvedModel
    from churn_core.schema import Contract

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Parse a report: tables by caption, texts by tag, attributes; tags must be balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: dict[str, list[str]] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, []))
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        for _, texts in self._open:
            texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        opened, texts = self._open.pop()
        assert opened == tag
        text = "".join(texts)
        # Line breaks are blanks to a browser.
        self.texts.setdefault(tag, []).append(" ".join(text.split()))
        if tag in {"td", "th"}:
            self._rows[-1].append(text)
        elif tag == "caption":
            self._caption = text
        elif tag == "table":
            self.tables[self._caption] = self._rows

    def table(self, start_of_caption: str) -> list[list[str]]:
        """Return the rows, without the heads, of the one table whose caption starts with this text."""
        (found,) = [rows for caption, rows in self.tables.items() if caption.startswith(start_of_caption)]
        return found[1:]

    def attributes(self, name: str) -> list[str]:
        """List the values of an attribute over all elements."""
        return [value for _, attributes in self.elements if (value := attributes.get(name))]


@pytest.fixture(scope="module")
def report(proved_logistic: ProvedModel) -> str:
    return render_report(proved_logistic)


@pytest.fixture(scope="module")
def page(report: str) -> Page:
    return Page(report)


def with_contract(proved: ProvedModel, contract: Contract) -> ProvedModel:
    encoder = copy.copy(proved.model.encoder)
    encoder.contract_ = contract
    return replace(proved, model=replace(proved.model, encoder=encoder))


def with_holdout(proved: ProvedModel, labels: list[int], probabilities: list[float]) -> ProvedModel:
    model = replace(
        proved.model, holdout_labels=np.array(labels), holdout_probabilities=np.array(probabilities)
    )
    return replace(proved, model=model)


def with_money(proved: ProvedModel, cost: float) -> ProvedModel:
    """Decide by money on the held-out customers, as if they were folds."""
    model = proved.model
    keys = DecisionSettings(threshold="money", value_of_customer=500, cost_of_offer=cost, success_rate=0.3)
    fold = np.arange(len(model.holdout_labels))[None, :] % 3
    scores = model.holdout_probabilities[None, :]
    decision = choose_threshold(keys, model.holdout_labels, scores, fold, seed=1)
    return replace(proved, model=replace(model, decision=decision))


def test_the_same_model_gives_the_same_bytes_whatever_the_day_and_the_plotting_defaults(
    proved_logistic: ProvedModel, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    with mpl.rc_context({"font.size": 21, "axes.grid": False, "svg.hashsalt": None}):
        assert render_report(proved_logistic).encode() == report.encode()


def test_no_date_no_address_no_script_and_no_second_file(report: str, page: Page) -> None:
    assert not re.search(r"\d{4}-\d\d-\d\d|<date|dc:date", report)
    assert not re.search(r"[a-z]+://|@import|xmlns", report)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "image"}
    assert not page.attributes("src")
    assert all(target.startswith("#") for target in page.attributes("href"))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", report))


def test_every_id_is_unique_and_every_reference_finds_its_id(report: str, page: Page) -> None:
    ids = Counter(page.attributes("id"))
    assert set(ids.values()) == {1}
    targets = {*page.attributes("href"), *re.findall(r"url\(([^)]*)\)", report)}
    assert targets <= {f"#{name}" for name in ids}


def test_the_page_is_accessible_fits_a_phone_and_has_a_dark_mode(report: str, page: Page) -> None:
    by_tag: dict[str, list[dict[str, str | None]]] = {}
    for tag, attributes in page.elements:
        by_tag.setdefault(tag, []).append(attributes)
    assert by_tag["html"] == [{"lang": "en"}]
    assert len(by_tag["h1"]) == 1
    assert "width=device-width, initial-scale=1" in page.attributes("content")
    assert len(by_tag["svg"]) >= 4
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in by_tag["svg"])
    assert all(head["scope"] in {"col", "row"} for head in by_tag["th"])
    assert len(page.tables) == len(by_tag["table"])
    assert "prefers-color-scheme:dark" in report
    assert set(re.findall(r"var\((--[a-z]+)\)", report)) <= set(re.findall(r"(--[a-z]+):", report))
    # Colours that matplotlib fixed would stay dark on a dark page.
    assert not re.search(r"(fill|stroke): #", report)


def test_metrics_are_the_models_own(proved_logistic: ProvedModel, page: Page) -> None:
    model = proved_logistic.model
    shown = {row[0]: row[1:4] for row in page.table("Metrics")}
    assert set(model.holdout) == set(METRICS)
    assert shown == {
        METRICS[name][0]: [
            f"{model.cv[name]['mean']:.3f}",
            f"{model.cv[name]['low']:.3f} to {model.cv[name]['high']:.3f}",
            f"{model.holdout[name]:.3f}",
        ]
        for name in METRICS
    }
    assert f"{model.rows['training']:,} customers" in page.texts["p"][1]
    assert f"{model.holdout['roc_auc']:.3f}" in page.texts["dd"]


def test_decisions_are_those_at_the_threshold(proved_logistic: ProvedModel, page: Page) -> None:
    model = proved_logistic.model
    flagged = np.round(model.holdout_probabilities, 6) >= proved_logistic.threshold
    (kept, alarmed), (missed, caught) = confusion_matrix(model.holdout_labels, flagged)
    rows = {row[0]: [int(cell.replace(",", "")) for cell in row[1:]] for row in page.table("Held-out")}
    assert rows["Left"] == [caught, missed, caught + missed]
    assert rows["Stayed"] == [alarmed, kept, alarmed + kept]
    assert rows["All"] == [caught + alarmed, missed + kept, model.rows["holdout"]]


def test_the_table_of_decisions_shows_the_chosen_threshold_and_other_shares(
    proved_logistic: ProvedModel, page: Page
) -> None:
    decision = proved_logistic.model.decision
    chosen, *others = page.table("What contacting other shares")
    contacted = decision.expected["contacted_per_1000"]["mean"] / 1000
    assert chosen[:2] == [f"{contacted:.1%} (chosen)", f"{decision.threshold:.3f}"]
    assert chosen[4] == f"{decision.expected['f1']['mean']:.3f}"
    shares = [float(row[0].rstrip("%")) for row in others]
    assert shares == pytest.approx([5, 10, 20, 30, 50, 100], abs=0.2)
    curve = {f"{point['threshold']:.3f}": point for point in decision.curve}
    for row in others:
        assert row[3:] == [f"{curve[row[1]]['recall']:.1%}", f"{curve[row[1]]['f1']:.3f}"]


@pytest.mark.parametrize(
    ("cost", "sentence"), [(20.0, "Contacting them is expected to earn"), (151.0, "Nobody is flagged")]
)
def test_profit_is_shown_where_the_configuration_has_money_values(
    proved_logistic: ProvedModel, cost: float, sentence: str
) -> None:
    proved = with_money(proved_logistic, cost)
    page = Page(render_report(proved))
    assert any(sentence in text for text in page.texts["p"])
    decision = proved.model.decision
    chosen = page.table("What contacting other shares")[0]
    assert chosen[5] == f"{decision.expected['profit_per_1000']['mean']:,.0f}"
    (described,) = [text for text in page.attributes("aria-label") if text.startswith("The profit per 1,000")]
    assert f"Chosen: {decision.expected['contacted_per_1000']['mean'] / 1000:.1%} are contacted" in described


def test_plots_and_their_numbers_count_each_held_out_customer_once(
    proved_logistic: ProvedModel, page: Page
) -> None:
    model = proved_logistic.model
    bins, tenths = page.table("Calibration"), page.table("Lift")
    assert len(bins) == len(tenths) == 10
    assert sum(int(row[1]) for row in bins) == model.rows["holdout"]
    assert sum(int(row[1]) for row in tenths) == model.rows["holdout"]
    assert sum(int(row[2]) for row in tenths) == model.holdout_labels.sum()
    assert tenths[0][3] == f"{model.holdout['lift_top_tenth']:.3f}"
    assert tenths[-1][4] == "100.0%"


def test_features_are_ranked_by_mean_absolute_contribution(proved_logistic: ProvedModel, page: Page) -> None:
    graph = proved_logistic.scoring.model.SerializeToString()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    model = proved_logistic.model
    (contributions,) = session.run(["contributions"], {"features": model.training_matrix})
    strength = dict(zip(model.contract.names, np.abs(contributions).mean(axis=0), strict=True))
    rows = page.table("Features by strength")
    assert [row[0] for row in rows] == sorted(strength, key=lambda name: -strength[name])
    assert [float(row[1]) for row in rows] == pytest.approx([strength[row[0]] for row in rows], abs=6e-4)


@pytest.fixture(scope="module")
def additive_report(prove: Callable[[str], ProvedModel]) -> str:
    return render_report(prove("additive"))


def test_the_report_shows_how_values_move_the_score(additive_report: str) -> None:
    assert "exact terms of one column or two" in additive_report
    assert "Month-to-month" in additive_report.split("How values move the score")[1]
    assert additive_report.count('role="img"') >= 5


def test_the_report_shows_how_the_model_was_chosen(additive_report: str, report: str) -> None:
    assert "Pairs of columns that the model may combine" in additive_report
    assert "How the model was chosen" not in report


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting"])
def test_every_other_family_has_a_report_too(prove: Callable[[str], ProvedModel], family: str) -> None:
    page = Page(render_report(prove(family)))
    assert family.replace("_", " ") in page.texts["p"][1]


def test_the_parity_check_is_described(proved_logistic: ProvedModel, page: Page) -> None:
    parity = proved_logistic.parity
    (sentence,) = [text for text in page.texts["p"] if "scikit-learn" in text]
    assert f"{parity.rows_compared:,} rows" in sentence
    assert f"{parity.max_abs_difference:.2g}" in sentence
    assert sum(int(row[1].replace(",", "")) for row in page.table("Rows compared")) == parity.rows_compared


def test_columns_are_described(proved_logistic: ProvedModel, page: Page) -> None:
    rows = {row[0]: row[1:] for row in page.table("Columns")}
    assert tuple(rows) == proved_logistic.model.contract.names
    assert rows["tenure"] == ["whole number", "0 to 120", "no", ""]
    assert rows["TotalCharges"] == ["number", "0 to 100,000", "yes", ""]
    assert rows["Contract"] == ["category", "3 known values", "yes", ""]


def test_names_and_values_of_columns_are_escaped(proved_logistic: ProvedModel) -> None:
    contract = proved_logistic.model.contract
    hostile = "<script>alert('x')</script>&amp;\"$x^2$ {{ 7 * 7 }} é"
    renamed = replace(
        contract,
        features=tuple(
            replace(
                feature, name=f"{n}{hostile}", vocabulary=tuple(f"{v}{hostile}" for v in feature.vocabulary)
            )
            if isinstance(feature, CategoryFeature)
            else replace(feature, name=f"{n}{hostile}")
            for n, feature in enumerate(contract.features)
        ),
        derived=tuple(
            replace(d, name=hostile, columns=(hostile,) * len(d.columns)) for d in contract.derived
        ),
        target=f"</p>{hostile}",
        id_column=f"-->{hostile}",
    )
    report = render_report(with_contract(proved_logistic, renamed))
    page = Page(report)
    assert "<script" not in report.lower()
    assert "script" not in {tag for tag, _ in page.elements}
    assert tuple(row[0] for row in page.table("Columns")) == renamed.names
    assert {row[0] for row in page.table("Features by strength")} == set(renamed.names)
    assert {row[0] for row in page.table("Computed")} == {hostile}
    assert any(renamed.target in text for text in page.texts["p"])
    position = contract.names.index("Contract")
    feature = contract.features[position]
    assert isinstance(feature, CategoryFeature)
    values = {row[0] for row in page.table(f"{position}{hostile}")}
    assert values == {f"{value}{hostile}" for value in feature.vocabulary}


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        pytest.param([0, 1], [0.25, 0.25], id="two customers with one score"),
        pytest.param([1, 0, 0, 0], [1.0, 0.0, 0.0, 0.0], id="perfect"),
        pytest.param([1] + [0] * 999, [0.0] * 1000, id="all scores zero"),
        pytest.param([1, 1, 1, 0], [1.0, 1.0, 1.0, 1.0], id="all scores one"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_unusual_holdouts_are_plotted_without_a_warning(
    proved_logistic: ProvedModel, labels: list[int], probabilities: list[float]
) -> None:
    page = Page(render_report(with_holdout(proved_logistic, labels, probabilities)))
    assert sum(int(row[1].replace(",", "")) for row in page.table("Calibration")) == len(labels)


def test_the_report_says_by_which_rule_candidates_were_chosen(prove: Callable[[str], ProvedModel]) -> None:
    chosen = render_report(prove("additive"))
    assert f"loses at most\n{GIVEN_AWAY:g} to the best" in chosen
