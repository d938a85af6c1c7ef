import pytest

from huskies_core.channels.addresses import names_in, with_values
from huskies_core.errors import HuskiesError

VALUES = {"TOKEN": "a$b${CHAT}", "CHAT": "7", "EMPTY": ""}


def test_names_are_replaced_once_and_other_text_is_kept() -> None:
    assert with_values("tgram://${TOKEN}/${CHAT}/$CHAT/${1}/{CHAT}", VALUES) == (
        "tgram://a$b${CHAT}/7/$CHAT/${1}/{CHAT}"
    )


def test_a_name_without_a_value_is_refused() -> None:
    assert names_in("${CHAT}/$CHAT/${EMPTY}") == ("CHAT", "EMPTY")
    for name in ("OTHER", "EMPTY"):
        with pytest.raises(HuskiesError) as caught:
            with_values(f"https://x/${{CHAT}}/${{{name}}}", VALUES)
        error = (caught.value.message, caught.value.code)
        assert error == (f"{name} is not set in .huskies/env", "config_error")
