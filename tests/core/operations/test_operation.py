"""The definitions of operations."""

from huskies_core.operations import registry
from huskies_core.operations.operation import ANY_RUN, PERSON
from huskies_core.store.runs import RunKind


def test_the_kinds_of_run_of_agents_may_be_allowed_to_call() -> None:
    assert set(ANY_RUN) == set(RunKind) - {RunKind.GATES, RunKind.MERGE}


def test_only_reports_on_its_own_story_may_be_written_by_a_run() -> None:
    reports = {
        name: tool.runs for name, tool in registry.tools().items() if tool.writes and tool.runs != PERSON
    }
    assert reports == {
        "update_story": ANY_RUN,
        "check_criterion": ANY_RUN,
        "approve_story": (RunKind.QA,),
        "reject_story": (RunKind.QA,),
        "resolve_story": (RunKind.MERGEMASTER,),
    }
