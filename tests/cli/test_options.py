"""The parsers that replace Typer's, and the parts of Typer by which they do so."""

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated

import pytest
import typer
from typer._coercion import TypeDescriptor
from typer.core import TyperArgument, TyperCommand, TyperOption

from huskies_cli.options import Option, PositionalArgument, _parse_whole_number, build_option
from huskies_core.argument import Argument, parse_count, parse_run_id, parse_story_id
from huskies_core.operations.operation import described


@pytest.mark.parametrize(
    ("positional", "own"), [(False, Option), (True, PositionalArgument)], ids=["option", "argument"]
)
def test_typer_reads_a_value_with_the_parser_of_the_parameter(
    *, positional: bool, own: type[Option | PositionalArgument]
) -> None:
    """Without it, options would be parsed by pydantic: other messages, and twice the time of a command."""
    about = Argument("A number.", metavar="N", positional=positional)
    param = build_option(described("number", Annotated[int, about]))
    context = typer.Context(TyperCommand("sample", params=[param]))
    assert isinstance(param, own)
    assert param.process_value(context, "12") == 12
    with pytest.raises(typer.BadParameter, match="'x' is not a whole number"):
        param.process_value(context, "x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("+-5", "'+-5' is not a whole number"),
        ("--5", "'--5' is not a whole number"),
        ("-", "'-' is not a whole number"),
        ("\u00b2", "'\u00b2' is not a whole number"),
        ("9" * 5000, f"{'9' * 20}… has too many digits"),
        ("-" + "9" * 5000, f"-{'9' * 19}… has too many digits"),
    ],
    ids=["+-5", "--5", "-", "superscript", "long", "negative"],
)
def test_a_word_that_python_does_not_convert_is_no_whole_number(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"whole number|digits") as raised:
        _parse_whole_number(text)
    assert str(raised.value) == problem


def test_typer_has_the_parts_that_the_parameters_replace_and_use() -> None:
    assert [field.name for field in fields(TypeDescriptor)] == [
        "annotation",
        "parameter_info",
        "file_annotation",
    ]
    assert [hasattr(kind, "get_runtime_param") for kind in (TyperOption, TyperArgument)] == [True, True]


@pytest.mark.parametrize("parse", [parse_count, parse_story_id, parse_run_id])
def test_leading_zeros_do_not_hide_the_size_of_a_number(parse: Callable[[str], int]) -> None:
    assert parse("0" * 5000 + "7") == 7
    for text in ("0" * 20 + "9" * 30, "9" * 5000):
        with pytest.raises(ValueError, match="is not a"):
            parse(text)
