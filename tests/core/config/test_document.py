import tomllib

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.config.document import ConfigError, KeyPath, key_lines, line_of, parse

DOCUMENT = '''\
# a comment with [brackets] and = signs
title = "a # no comment"   # a comment
"quoted.key" = 1
text = """
[not.a.table]
x = 1 \\""" still text"""
last = 'C:\\'

[a.b]
c = [
  1,  # one
  2,
]
d = { e = 1, "f" = [ { g = 2 } ] }
[[list]]
x = 1

[list.sub]
y = 1.5
[[list]]
x = 2026-01-01 10:00:00
z.w = -1
'''


def test_each_key_is_on_its_line() -> None:
    assert key_lines(DOCUMENT) == {
        ("title",): 2,
        ("quoted.key",): 3,
        ("text",): 4,
        ("last",): 7,
        ("a",): 9,
        ("a", "b"): 9,
        ("a", "b", "c"): 10,
        ("a", "b", "c", 0): 11,
        ("a", "b", "c", 1): 12,
        ("a", "b", "d"): 14,
        ("a", "b", "d", "e"): 14,
        ("a", "b", "d", "f"): 14,
        ("a", "b", "d", "f", 0): 14,
        ("a", "b", "d", "f", 0, "g"): 14,
        ("list",): 15,
        ("list", 0): 15,
        ("list", 0, "x"): 16,
        ("list", 0, "sub"): 18,
        ("list", 0, "sub", "y"): 19,
        ("list", 1): 20,
        ("list", 1, "x"): 21,
        ("list", 1, "z"): 22,
        ("list", 1, "z", "w"): 22,
    }


def test_a_path_without_a_line_has_the_line_of_the_nearest_enclosing_key() -> None:
    assert (line_of({("a",): 3}, ("a", "b", 0)), line_of({}, ("a",))) == (3, 1)


KEYS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=6)
SCALARS = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


def paths_of(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Return the path of each key and element."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own: set[KeyPath] = {path} if path else set()
    return own.union(*(paths_of(item, (*path, key)) for key, item in items))


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_that_tomllib_reads_has_a_line(data: dict[str, object]) -> None:
    text = tomlkit.dumps(data)
    assert set(key_lines(text)) == paths_of(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"max_coders = {'9' * 5000}\n", 1),
        (f"# {'9' * 5000}\nunknown = -{'9' * 5000}\n", 2),
        (f"name = '{'9' * 5000}'\n[table]\nlist = [\n1,\n{'9' * 5000}]\n", 5),
        (f"a = 1\nb = 0x{'f' * 5000}\n", 2),
    ],
    ids=["known", "unknown", "in a list", "hexadecimal"],
)
def test_a_number_with_too_many_digits_is_a_problem_at_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("project.toml", text)
    assert str(refused.value) == f"project.toml:{line}: not valid TOML: a number has too many digits"


@pytest.mark.parametrize("text", [f"a = {'[' * 3003}", f"a = {'{ b = ' * 3003}"], ids=["arrays", "tables"])
def test_deep_nesting_is_a_problem(text: str) -> None:
    with pytest.raises(ConfigError, match="arrays or tables are nested too deeply"):
        parse("project.toml", text)
