"""Reports of passes as results: the data of the envelope, a line for each action, and the errors."""

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
    """Return one result for all passes that a command ran."""
    done = [item for report in reports for item in report.results]
    alone = len(reports) == 1 and reports[0].already_running
    actions = [row for report in reports for row in _actions(report)]
    data = {"pass": name, "already_running": alone, "actions": actions}
    succeeded = sum(item.outcome is not StepOutcome.FAILED for item in done)
    talk = (f"{name} is already running",) if alone else ()
    result = Result.of_items(data, "\n".join(map(line_of, done)), _errors(reports), done=succeeded)
    busy = any(report.failure is not None and report.failure.code == "busy" for report in reports)
    return replace(result, talk=talk, exit_code=LockBusy.exit_code if busy else None)


def line_of(item: StepResult) -> str:
    step = item.step
    story = f" {step.story}" if step.story is not None else ""
    mark = "" if item.outcome is StepOutcome.DONE else f" [{item.outcome.value}]"
    return f"{step.verb.value}{story}{mark}{': ' + item.detail if item.detail else ''}"


def loop_lines(reports: Iterable[PassReport], now: datetime) -> Iterator[dict[str, object]]:
    """Yield an object for each action and each failure, for the output of a loop."""
    for report in reports:
        for row, item in zip(_actions(report), report.results, strict=True):
            # The loop prints moves of stories from the journal, with stages, actor and reason.
            if not isinstance(item.step, MoveStory) or item.outcome is StepOutcome.FAILED:
                yield {"at": to_iso(now), **row, "line": line_of(item)}
        if report.failure is not None:
            message = f"{report.name} failed: {report.failure.message}"
            yield {"at": to_iso(now), "message": message, "outcome": StepOutcome.FAILED.value}


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
            message = _named(report.name, report.failure.message)
            yield ErrorItem(report.failure.code, message, subject=report.name)
        for item in report.results:
            if item.outcome is StepOutcome.FAILED:
                subject = "" if item.step.story is None else str(item.step.story)
                yield ErrorItem(item.error, f"{item.step.verb.value}: {item.detail}", subject=subject)


def _named(name: str, detail: str) -> str:
    return detail if detail.startswith(name) else f"{name}: {detail}"
