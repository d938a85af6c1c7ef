"""Test sessions of agents as text."""

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import ErrorItem, Result
from huskies_core.operations.agent_test import Trial


def show(trial: Trial, _: Call) -> Result:
    if trial.problem:
        error = ErrorItem("no_answer", f"{trial.agent}: {trial.problem}", trial.hint, trial.agent)
        return Result(errors=(error,))
    return Result(text=lambda: _text(trial))


def _text(trial: Trial) -> str:
    return render.fields(
        [
            ("agent", f"{trial.agent} answered after {trial.seconds:g} s"),
            ("session", trial.session),
            ("turns", trial.turns),
            ("tokens", f"{trial.input_tokens:,} in, {trial.output_tokens:,} out"),
            ("cost", render.cost(trial.cost_usd)),
            ("answer", trial.words),
        ]
    )
