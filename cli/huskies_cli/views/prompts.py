"""Prompts as text."""

from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.operations.prompts import Prompt


def show(prompt: Prompt, _: Call) -> Result:
    return Result(text=prompt.prompt)
