"""Faults of scoring, each for a test that needs no outside file."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

ROWS: Final = "functional/files/test_exact_rows.py::"
UNKNOWN: Final = f"{ROWS}test_every_unknown_column_of_a_row_is_named_in_a_file_and_in_an_answer"
REASONS: Final = f"{ROWS}test_reasons_are_ordered_from_the_largest_contribution"
LIMITS: Final = f"{ROWS}test_a_score_that_equals_a_limit_belongs_to_the_side_above"
COLUMNS: Final = f"{ROWS}test_each_column_of_a_table_reaches_its_own_feature"
FOOTER: Final = f"{ROWS}test_a_footer_with_a_wrong_number_of_rows_is_noticed"
GOLDEN: Final = "unit/churn_core/scoring/test_forged_bundles.py::"

STREAM: Final = "churn_core/scoring/files/scored_stream.py"
ANSWERS: Final = "churn_core/scoring/records/answers.py"

SCORING: Final = {
    "drops the second unknown column of a row in a file": Mutant(
        STREAM,
        'name if before is None else f"{before},{name}"',
        "name if before is None else before",
        UNKNOWN,
    ),
    "drops all but the last unknown column of an answer": Mutant(
        ANSWERS,
        'answers[row]["warnings"].append(name)',
        'answers[row]["warnings"] = [name]',
        UNKNOWN,
    ),
    "swaps reasons 2 and 3 of a file": Mutant(
        STREAM, 'columns[f"reason_{place + 1}"] =', 'columns[f"reason_{(1, 3, 2)[place]}"] =', REASONS
    ),
    "swaps reasons 2 and 3 in the output's query": Mutant(
        "churn_core/scoring/files/sql/output_columns.py",
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
        "parity/test_every_family.py::"
        "test_golden_rows_lie_on_both_sides_of_the_threshold_and_of_the_risk_bands",
    ),
}
