"""Reports of passes as the command line shows them: the data of the envelope, one line an action, the errors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from huskies_cli.output import ErrorItem, Result
from huskies_core.clock import to_iso
from huskies_core.errors import LockBusy
from huskies_core.passes.attempt import StepOutcome
from huskies_core.passes.steps import PassReport, StepResult
from huskies_core.passes.story_moves import MoveStory


def result_of(name: str, reports: Sequence[PassReport]) -> Result:
    """One result for all passes that a command ran; it failed in part when any item did."""
    done = [item for report in reports for item in report.results]
    alone = len(reports) == 1 and reports[0].already_running
    actions = [row for report in reports for row in _actions(report)]
    data = {"pass": name, "already_running": alone, "actions": actions}
    well = sum(item.outcome is not StepOutcome.FAILED for item in done)
    talk = (f"{name} is already running",) if alone else ()
    result = Result.of_items(data, "\n".join(map(line_of, done)), _errors(reports), done=well)
    busy = any(report.failure is not None and report.failure.code == "busy" for report in reports)
    return replace(result, talk=talk, exit_code=LockBusy.exit_code if busy else None)


def line_of(item: StepResult) -> str:
    step = item.step
    story = f" {step.story}" if step.story is not None else ""
    mark = "" if item.outcome is StepOutcome.DONE else f" [{item.outcome.value}]"
    return f"{step.verb.value}{story}{mark}{': ' + item.detail if item.detail else ''}"


def told_of(reports: Iterable[PassReport], now: datetime) -> Iterator[dict[str, object]]:
    """What a loop tells, one object for each action and each failure, as it happens."""
    for report in reports:
        for row, item in zip(_actions(report), report.results, strict=True):
            # What was moved is told by the journal, where the rest of it is: from where, by whom and why.
            if not isinstance(item.step, MoveStory) or item.outcome is StepOutcome.FAILED:
                yield {"at": to_iso(now), **row, "line": line_of(item)}
        if report.failure is not None:
            told = f"{report.name} failed: {report.failure.message}"
            yield {"at": to_iso(now), "message": told, "outcome": StepOutcome.FAILED.value}


def _actions(report: PassReport) -> Iterable[dict[str, object]]:
    for item in report.results:
        yield {
            "pass": report.name,
            "action": item.step.verb.value,
            "story": item.step.story,
            "outcome": item.outcome.value,
            "detail": item.detail,
        }


def _errors(reports: Iterable[PassReport]) -> Iterable[ErrorItem]:
    for report in reports:
        if report.failure is not None:
            told = _told(report.name, report.failure.message)
            yield ErrorItem(report.failure.code, told, subject=report.name)
        for item in report.results:
            if item.outcome is StepOutcome.FAILED:
                subject = "" if item.step.story is None else str(item.step.story)
                yield ErrorItem(item.error, f"{item.step.verb.value}: {item.detail}", subject=subject)


def _told(name: str, detail: str) -> str:
    return detail if detail.startswith(name) else f"{name}: {detail}"
