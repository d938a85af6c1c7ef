"""The end of a step in words."""

from dataclasses import replace

from huskies_core.supervisor.records import Role, StepEnd

PASSED = StepEnd(
    "gate", Role.GATE, 0, None, timed_out=False, detail="", started_at=0.0, seconds=1.0, offset=0, length=0
)


def test_the_summary_of_a_step_names_its_end_even_if_its_program_could_not_be_killed() -> None:
    ends = [
        PASSED,
        replace(PASSED, exit_code=7),
        replace(PASSED, exit_code=None, signal=9),
        replace(PASSED, exit_code=None, signal=9, timed_out=True, detail="timed out after 5 s"),
        replace(PASSED, exit_code=None),
    ]
    summaries = [end.summary for end in ends]
    assert summaries == ["exit 0", "exit 7", "signal 9", "timed out after 5 s", "still alive"]
