"""The parsers that replace Typer's, and the private attribute that they are put into."""

from typing import Annotated

import typer
from typer.core import TyperCommand

from huskies_cli.values import PlainValue, use_plain_values


def test_typer_has_the_attribute_that_holds_the_parser_of_a_parameter() -> None:
    """Without it, options would be parsed by pydantic: other messages, and twice the time of a command."""

    def command(number: Annotated[int, typer.Option("--number")] = 0) -> None: ...

    app = typer.Typer(add_completion=False)
    app.command(cls=TyperCommand)(command)
    (param, *_) = typer.main.get_command(app).params
    assert "_runtime_param" in vars(param)
    use_plain_values(param)
    assert isinstance(param.get_runtime_param(), PlainValue)  # type: ignore[attr-defined]
