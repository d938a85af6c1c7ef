"""Evidence keeps the keys under which it is stored, and tolerates rows with fewer or other keys."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from huskies_core import merge_results
from huskies_core.merge_results import MergeResult
from huskies_core.store.evidence import BranchEvidence, Evidence, LimitReset

BRANCH: Mapping[str, Any] = {
    "head": "c0ffee",
    "base": "ba5e",
    "tree": "7ee",
    "commits_ahead": 2,
    "has_diff": True,
    "dirty": False,
    "fingerprint": "f1",
    "branch": "feature/story-1",
}
UNREADABLE = {"branch": "feature/story-1", "commits_ahead": 0, "has_diff": False, "problem": "git: no index"}
RESULTS: Mapping[str, Mapping[str, Any]] = {
    "landed": {"commit": "c"},
    "already_merged": {"commit": "c"},
    "conflict": {"files": ("a", "b")},
    "no_commits": {},
    "gates_failed": {"output": "boom"},
    "base_broken": {"tip": "t", "output": "boom"},
    "base_dirty": {"tip": "t", "commit": "c", "paths": ("a",), "reason": "why"},
    "tip_moved": {},
    "stale": {},
    "interrupted": {"commit": "c"},
    "other": {"detail": "why"},
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        BRANCH,
        UNREADABLE,
        {**BRANCH, "unresolved": None},
        {**BRANCH, "unresolved": "a.txt has markers"},
        {**BRANCH, "setup_failed": "core", "output": "no such file"},
        {**BRANCH, "output": ""},
        {**BRANCH, "merge": {}},
        {**BRANCH, "rate_limit": {"until": "2026-03-01T12:05:00.000Z", "told": True}, "denied": {"Bash": 2}},
        {"a_later_key": [1]},
    ],
)
def test_evidence_is_stored_as_it_was_read(document: Mapping[str, Any]) -> None:
    written = Evidence.from_json(document).to_json()
    assert (written, list(written)) == (document, list(document))


def test_rows_with_fewer_keys_are_read() -> None:
    assert Evidence.from_json({"commits_ahead": 1}).branch == BranchEvidence(commits_ahead=1)


def test_each_key_has_its_field() -> None:
    limit = {"until": "2026-03-01T12:05:00.000Z", "told": False}
    evidence = Evidence.from_json(
        {"rate_limit": limit, "setup_failed": "core", "output": "o", "denied": {"a": 1}}
    )
    reset = LimitReset(datetime(2026, 3, 1, 12, 5, tzinfo=UTC), is_named=False)
    assert evidence == Evidence(limit_reset=reset, failed_setup="core", output="o", denied={"a": 1})


@pytest.mark.parametrize("name", RESULTS)
def test_a_merge_result_is_stored_as_it_was_read(name: str) -> None:
    document = {"result": name, **RESULTS[name], "branch_tip": "b"}
    written = merge_results.from_json(document).to_json()
    assert (written, list(written)) == (document, list(document))


def test_every_merge_result_has_its_word() -> None:
    words = {kind.__struct_config__.tag for kind in MergeResult.__args__}
    assert words == {*RESULTS, ""}
