from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import pytest

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.operation import operation
from huskies_core.operations.schema import read_arguments, read_object, schema_of


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@operation("send", json=dict)
def send(
    _: Context,
    weight: Annotated[int, Argument("In kilograms.", least=1)],
    size: Annotated[Size, Argument("How large.")] = Size.SMALL,
    notes: Annotated[tuple[str, ...], Argument("What to know.")] = (),
    *,
    fragile: Annotated[bool, Argument("Whether it breaks.")] = False,
    price: Annotated[float | None, Argument("In US dollars.")] = None,
    labels: Annotated[Mapping[str, Any] | None, Argument("Anything.")] = None,
    sender: Annotated[str | None, Argument("Who sends it.")] = None,
) -> dict[str, Any]:
    """Send a parcel."""
    return {
        "weight": weight,
        "size": size,
        "notes": notes,
        "fragile": fragile,
        "rest": (price, labels, sender),
    }


def refused(arguments: Mapping[str, Any]) -> tuple[str, str, str]:
    with pytest.raises(UsageError) as raised:
        read_arguments(send, arguments)
    return raised.value.subject, raised.value.message, raised.value.hint


def test_json_values_become_arguments() -> None:
    values = {
        "weight": 3,
        "size": "large",
        "notes": ["a", "b"],
        "fragile": True,
        "price": 2,
        "labels": {"x": [1]},
        "sender": None,
    }
    assert read_arguments(send, values) == {
        "weight": 3,
        "size": Size.LARGE,
        "notes": ("a", "b"),
        "fragile": True,
        "price": 2.0,
        "labels": {"x": [1]},
        "sender": None,
    }


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("weight", "3", 'weight must be a whole number, not "3"'),
        ("weight", True, "weight must be a whole number, not true"),
        ("weight", 3.0, "weight must be a whole number, not 3.0"),
        ("weight", None, "weight must be a whole number, not null"),
        ("weight", 0, "weight must be 1 or more, not 0"),
        ("weight", 2**63, "weight is too large a number"),
        ("size", 1, "size must be one of small, large, not 1"),
        ("size", ["small"], 'size must be one of small, large, not ["small"]'),
        ("notes", "a", 'notes must be a list, not "a"'),
        ("notes", ["a", 2], "notes (item 2) must be a text, not 2"),
        ("notes", ["\0"], "notes (item 1) is not text in UTF-8"),
        ("fragile", "true", 'fragile must be true or false, not "true"'),
        ("price", True, "price must be a number, not true"),
        ("price", float("inf"), "price must be a number, not Infinity"),
        ("labels", [], "labels must be a JSON object, not []"),
        ("sender", {}, "sender must be a text, not {}"),
        ("sender", "\ud800", "sender is not text in UTF-8"),
        ("sender", ["a" * 100], f'sender must be a text, not ["{"a" * 37}…'),
    ],
)
def test_a_value_of_another_kind_is_refused_by_the_name_of_its_field(
    field: str, value: object, expected: str
) -> None:
    subject, message, _ = refused({"weight": 3, field: value})
    assert (subject, message) == (field, expected)


def test_the_most_similar_word_is_named() -> None:
    assert [
        refused(arguments)
        for arguments in ({"wieght": 3}, {"colour": 1, "weight": 3}, {"weight": 3, "size": "lage"})
    ] == [
        ("wieght", "send takes no wieght", "Did you mean weight?"),
        (
            "colour",
            "send takes no colour",
            "It takes: weight, size, notes, fragile, price, labels, sender.",
        ),
        ("size", 'size must be one of small, large, not "lage"', "Did you mean large?"),
    ]


def test_a_missing_field_is_named_with_what_it_is() -> None:
    assert refused({}) == ("weight", "send needs weight", "weight: In kilograms.")


def test_an_operation_has_a_json_schema() -> None:
    assert schema_of(send) == {
        "type": "object",
        "properties": {
            "weight": {"type": "integer", "minimum": 1, "description": "In kilograms."},
            "size": {
                "type": "string",
                "enum": ["small", "large"],
                "description": "How large.",
                "default": "small",
            },
            "notes": {"type": "array", "items": {"type": "string"}, "description": "What to know."},
            "fragile": {"type": "boolean", "description": "Whether it breaks.", "default": False},
            "price": {"type": "number", "description": "In US dollars."},
            "labels": {"type": "object", "description": "Anything."},
            "sender": {"type": "string", "description": "Who sends it."},
        },
        "required": ["weight"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the arguments are not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[1]", "the arguments are not a JSON object"),
        ('{"a": -' + "9" * 5000 + "}", f"the arguments are not JSON: -{'9' * 19}… has too many digits"),
        ('{"a": NaN}', "the arguments are not JSON: NaN is not a number"),
        ("[" * 100_000, "the arguments are not JSON: they are nested too deeply"),
    ],
)
def test_text_that_is_not_a_json_object_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_object(text, subject="JSON")
    assert (raised.value.subject, raised.value.message) == ("JSON", expected)


def test_a_number_of_a_million_digits_is_refused() -> None:
    with pytest.raises(UsageError, match="not JSON"):
        read_object(f'{{"a": {"9" * 1_000_000}}}', subject="JSON")
