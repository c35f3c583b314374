"""What an address says about its storage, before anything is read."""

from __future__ import annotations

import pytest

from churn_core.sources.addresses import unfit_address


@pytest.mark.parametrize("text", ["table.csv", "s3://bucket/key", "s3://bucket/gr\u00f6\u00dfe/", "a/b://c"])
def test_paths_and_addresses_of_s3_are_fit(text: str) -> None:
    assert unfit_address(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://host/table.csv", "a web address"),
        ("gs://bucket/key", "Google Cloud Storage"),
        ("s3a://bucket/key", "write s3://"),
        ("file:///table.csv", "without file://"),
        ("other://table", "an unknown kind"),
        ("s3://bucket/\udcff", "not UTF-8"),
    ],
)
def test_another_address_is_named_for_what_it_is(text: str, reason: str) -> None:
    assert reason in str(unfit_address(text))
