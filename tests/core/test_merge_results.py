from typing import Any

import pytest

from huskies_core import merge_results
from huskies_core.merge_results import Landed, NoResult, OtherFailure


@pytest.mark.parametrize(
    "document",
    [
        {"result": "later"},
        {"result": ["x"]},
        {"result": None},
        {"result": "landed"},
        {"result": "landed", "x": 1},
    ],
)
def test_a_document_that_no_class_describes_is_a_failed_merge(document: dict[str, Any]) -> None:
    assert isinstance(merge_results.from_json(document), OtherFailure)


def test_a_result_survives_json() -> None:
    assert (merge_results.from_json(Landed("abc").to_json()), merge_results.from_json({})) == (
        Landed("abc"),
        NoResult(),
    )
