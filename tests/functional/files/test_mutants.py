"""Faults planted in scoring, one at a time: each must fail the named test, which needs no outside file.

Run by `make proof` (CHURN_MUTANTS=1): each takes some seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.batch.interruptions.test_mutants import ROOT, TESTS, Mutant, copy, run
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy"]

ROWS = "../files/test_exact_rows.py::"
UNKNOWN = f"{ROWS}test_every_unknown_column_of_a_row_is_named_in_a_file_and_in_an_answer"
REASONS = f"{ROWS}test_reasons_are_ordered_from_the_largest_contribution"
LIMITS = f"{ROWS}test_a_score_that_equals_a_limit_belongs_to_the_side_above"
COLUMNS = f"{ROWS}test_each_column_of_a_table_reaches_its_own_feature"
FOOTER = f"{ROWS}test_a_footer_with_a_wrong_number_of_rows_is_noticed"
GOLDEN = "../../unit/churn_core/scoring/test_forged_bundles.py::"

STREAM = "churn_core/scoring/files/scored_stream.py"
ANSWERS = "churn_core/scoring/records/answers.py"

MUTANTS = {
    "drops the second unknown column of a row in a file": Mutant(
        STREAM,
        'name if before is None else f"{before},{name}"',
        "name if before is None else before",
        UNKNOWN,
    ),
    "drops all but the last unknown column of an answer": Mutant(
        ANSWERS,
        'answers[row]["warnings"].append(self._names[position])',
        'answers[row]["warnings"] = [self._names[position]]',
        UNKNOWN,
    ),
    "swaps reasons 2 and 3 of a file": Mutant(
        STREAM, 'columns[f"reason_{place + 1}"] =', 'columns[f"reason_{(1, 3, 2)[place]}"] =', REASONS
    ),
    "swaps reasons 2 and 3 in the output's query": Mutant(
        "churn_core/scoring/files/output_columns.py",
        "f'reason_{place}')} AS",
        "f'reason_{(0, 1, 3, 2)[place]}')} AS",
        REASONS,
    ),
    "swaps ranks 2 and 3": Mutant(
        "churn_core/scoring/reasons.py",
        "    counts = np.full(len(ranked), width)",
        "    positions[:, [1, 2]] = positions[:, [2, 1]]\n    counts = np.full(len(ranked), width)",
        REASONS,
    ),
    "decides > at the threshold of an answer": Mutant(
        ANSWERS, "probability >= bundle.threshold", "probability > bundle.threshold", LIMITS
    ),
    "decides > at the threshold of a file": Mutant(
        STREAM, "probability >= bundle.threshold", "probability > bundle.threshold", LIMITS
    ),
    "counts > at the threshold": Mutant(
        "churn_core/scoring/money.py",
        "probability[probability >= threshold]",
        "probability[probability > threshold]",
        LIMITS,
    ),
    "takes > for the medium risk": Mutant(
        "churn_core/scoring/bundle.py",
        'medium, high = (probability >= self.risk_bands[name] for name in ("medium", "high"))',
        'medium, high = probability > self.risk_bands["medium"], probability >= self.risk_bands["high"]',
        LIMITS,
    ),
    "takes > for the high risk": Mutant(
        "churn_core/scoring/bundle.py",
        'medium, high = (probability >= self.risk_bands[name] for name in ("medium", "high"))',
        'medium, high = probability >= self.risk_bands["medium"], probability > self.risk_bands["high"]',
        LIMITS,
    ),
    "swaps two columns of records": Mutant(
        "churn_core/scoring/records/encoding.py",
        "np.array(encoded, dtype=np.float32)",
        "np.array([encoded[1], encoded[0], *encoded[2:]], dtype=np.float32)",
        COLUMNS,
    ),
    "swaps two columns of a file": Mutant(
        "churn_core/scoring/files/encoded_batch.py",
        "        matrix[:, position] = column\n",
        "        matrix[:, (1, 0, *range(2, len(columns)))[position]] = column\n",
        COLUMNS,
    ),
    "does not compare the number of rows": Mutant(
        "churn_core/scoring/files/scoring_pass.py",
        "if self.stream.rows != self.layout.rows:",
        "if False:",
        FOOTER,
    ),
    "accepts more rows than the footer has": Mutant(
        "churn_core/scoring/files/scoring_pass.py",
        "if self.stream.rows != self.layout.rows:",
        "if self.stream.rows < self.layout.rows:",
        FOOTER,
    ),
    "scores a file without the row count": Mutant(
        "churn_core/scoring/files/score_file.py", "            running.check_complete()\n", "", FOOTER
    ),
    "measures drift without the row count": Mutant(
        "churn_core/scoring/files/drift_pass.py", "        running.check_complete()\n", "", FOOTER
    ),
    "accepts any threshold": Mutant(
        "churn_core/scoring/manifest_checks.py",
        "lambda x: 0 < x <= 1 or x == NOBODY,",
        "lambda x: True,",
        f"{GOLDEN}test_an_invalid_member_of_the_manifest_is_refused_by_its_name",
    ),
    "does not compare golden risks": Mutant(
        "churn_core/scoring/predictor.py",
        'for name in ("will_churn", "risk") if name in golden',
        'for name in ("will_churn",)',
        f"{GOLDEN}test_a_signed_bundle_with_another_threshold_or_risk_band_is_refused",
    ),
    "adds no golden rows at the limits": Mutant(
        "churn_core/models/bundle/golden_rows.py",
        "for side in (1, -1):",
        "for side in ():",
        f"{GOLDEN}test_golden_rows_lie_on_both_sides_of_the_threshold_and_of_the_risk_bands",
    ),
}


@pytest.mark.skipif(not cases(0, "CHURN_MUTANTS"), reason="run by make proof (CHURN_MUTANTS=1)")
@pytest.mark.parametrize("name", MUTANTS)
def test_each_planted_fault_fails_its_test(copy: Path, name: str) -> None:
    mutant = MUTANTS[name]
    path = copy / mutant.file
    source = path.read_text(encoding="utf-8")
    assert source.count(mutant.text) == 1
    path.write_text(source.replace(mutant.text, mutant.instead), encoding="utf-8")
    try:
        assert run(copy, mutant.test) == 1
    finally:
        path.write_text(source, encoding="utf-8")
    record_figure(f"Scoring that {name} is noticed", mutant.test.split("::")[1])


def test_each_planted_fault_matches_the_source() -> None:
    for name, mutant in MUTANTS.items():
        assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.text) == 1, name
        file, test = mutant.test.split("::")
        assert f"def {test}(" in (ROOT / TESTS / file).read_text(encoding="utf-8"), name
