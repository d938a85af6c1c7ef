"""Reports of passes as results: the data of the envelope, a line for each action, and the errors."""

from collections.abc import Iterable, Sequence

from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session
from huskies_core.errors import LockBusy
from huskies_core.ids import RunId
from huskies_core.passes.steps import PassReport, StepOutcome, StepResult


def advance_run(session: Session, run: RunId) -> Result:
    """Record the end of a run, run the passes that follow and return their report.

    Raise HuskiesError `run_alive` while the run lives.
    """
    from huskies_core.operations.authorization import refuse_inside_run
    from huskies_core.passes import pass_sequence

    with session.open(actor=f"run:{run}") as context:
        refuse_inside_run(context)
        return result_of("advance", pass_sequence.advance_run(context, run))


def result_of(name: str, reports: Sequence[PassReport]) -> Result:
    """Return one result for all passes that a command ran."""
    done = [item for report in reports for item in report.results]
    alone = len(reports) == 1 and reports[0].already_running
    actions = [action_json(report.name, item) for report in reports for item in report.results]
    data = {"pass": name, "already_running": alone, "actions": actions}
    succeeded = sum(item.outcome is not StepOutcome.FAILED for item in done)
    messages = (f"{name} is already running",) if alone else ()
    busy = any(report.failure is not None and report.failure.code == "busy" for report in reports)
    code = LockBusy.exit_code if busy else None
    return Result(data, "\n".join(map(line_of, done)), tuple(_errors(reports)), messages, succeeded, code)


def line_of(item: StepResult) -> str:
    step = item.step
    story = f" {step.story}" if step.story is not None else ""
    mark = "" if item.outcome is StepOutcome.DONE else f" [{item.outcome.value}]"
    return f"{step.verb.value}{story}{mark}{': ' + item.detail if item.detail else ''}"


def action_json(name: str, item: StepResult) -> dict[str, object]:
    return {
        "pass": name,
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
