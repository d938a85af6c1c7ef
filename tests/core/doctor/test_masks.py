"""No text passes the masks at any depth."""

import json

from hypothesis import given
from hypothesis import strategies as st

from huskies_core.doctor.masks import read_settings, without_quotes, without_texts, without_values

MARK = "plum"
TEXTS = st.text(max_size=5).map(lambda text: f"{text}{MARK} {text}")
KEYS = st.sampled_from(["title", "reason", "action", "arguments", "nested", "x1"])
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXTS | st.just("agent"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(KEYS | TEXTS, NESTED, max_size=4))
def test_no_text_of_a_row_passes(detail: dict[str, object]) -> None:
    assert MARK not in json.dumps(without_texts(detail))


@given(st.dictionaries(KEYS | TEXTS, NESTED, max_size=4))
def test_no_text_of_a_config_passes(settings: dict[str, object]) -> None:
    assert MARK not in json.dumps(without_values(settings))


def test_numbers_and_known_words_pass() -> None:
    detail = {
        "kind": "merge",
        "run": 3,
        "agent": "ann",
        "why": "it is late",
        "deep": {"agent": "a word", "n": 1},
    }
    assert without_texts(detail) == {
        "kind": "merge",
        "run": 3,
        "agent": "ann",
        "why": "<10 characters>",
        "deep": {"agent": "<6 characters>", "n": 1},
    }


def test_settings_keep_their_shape() -> None:
    text = 'max_coders = 2\ndefault_qa = "human"\n[[gate]]\nname = "unit-tests"\ncommand = ["make", "x"]\n'
    assert read_settings(text) == {
        "max_coders": 2,
        "default_qa": "human",
        "gate": [{"name": "unit-tests", "command": ["<4 characters>", "<1 characters>"]}],
    }
    assert without_quotes("max_coders is 'plum', not \"2\"") == "max_coders is '…', not '…'"
