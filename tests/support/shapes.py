"""Comparison of a JSON document with a shape: `{"id": int, "labels": [str]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

Shape = Any
"""A type; a tuple of alternative shapes; a list with the shape of its items; a mapping with exactly these keys, or
`{str: shape}` for any keys."""
NUMBER = (int, float)
WORD = (str, None)


def misfits(value: object, shape: Shape, path: str = "$") -> list[str]:
    """Return the places at which `value` does not have the shape."""
    return list(_misfits(value, shape, path))


def _misfits(value: object, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, tuple):
        if all(misfits(value, one, path) for one in shape):
            yield f"{path}: {value!r} is none of {shape}"
    elif isinstance(shape, list) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _misfits(item, shape[0], f"{path}[{number}]")
    elif isinstance(shape, dict) and isinstance(value, dict):
        yield from _misfit_keys(value, shape, path)
    elif not _is_one(value, shape):
        yield f"{path}: {value!r} is no {shape}"


def _misfit_keys(value: Mapping[str, object], shape: Mapping[Any, Shape], path: str) -> Iterator[str]:
    if str in shape:
        shape = dict.fromkeys(value, shape[str])
    if value.keys() != shape.keys():
        yield f"{path}: {sorted(value.keys() ^ shape.keys())} are only in one of the two"
    for key in value.keys() & shape.keys():
        yield from _misfits(value[key], shape[key], f"{path}.{key}")


def _is_one(value: object, shape: Shape) -> bool:
    """Return whether the value is of that type. A bool is no int here, unlike in Python."""
    return value is None if shape is None else type(value) is shape or shape is object
