"""Adding, replacing and removing a block of a crontab keeps every other byte."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.errors import HuskiesError
from huskies_core.services.crontab import block_of, script_of, split_crontab, with_block
from huskies_core.services.service import Service, ServiceJob

ROOT, OTHER = "/home/ada/shop", "/home/ada/shop 2"
BLOCK = block_of(ROOT, f"{ROOT}/.huskies/cron")


def test_a_block_starts_the_script_each_minute_and_names_its_project() -> None:
    assert BLOCK.splitlines() == [
        "# begin huskies home-ada-shop",
        "# Written by 'huskies service install cron'; remove it with 'huskies service uninstall cron'.",
        "* * * * * /bin/sh /home/ada/shop/.huskies/cron >/dev/null",
        "# end huskies home-ada-shop",
    ]


def test_special_characters_of_cron_are_escaped() -> None:
    line = block_of("/x", "/srv/my 100% shop/a\\b").splitlines()[2]
    assert line == "* * * * * /bin/sh '/srv/my 100\\% shop/a\\\\b' >/dev/null"


@given(st.text())
def test_removing_the_block_restores_the_crontab(crontab: str) -> None:
    once = with_block(crontab, ROOT, BLOCK)
    again = with_block(once, ROOT, BLOCK)
    split = split_crontab(again, ROOT)
    assert (again, split.block, split.without) == (once, BLOCK, crontab)


@pytest.mark.parametrize("crontab", ["", "a\n", "a", "a\n\n", "a\r\nb\x0bc\x0cd\u2028e", "a\udcff\n"])
def test_lines_added_after_the_block_are_kept(crontab: str) -> None:
    edited = with_block(crontab, ROOT, BLOCK) + "added\n"
    assert split_crontab(edited, ROOT).without == (
        f"{crontab}\n" if crontab[-1:] not in ("\n", "") else crontab
    ) + ("added\n")


def test_a_block_is_replaced_in_place() -> None:
    crontab = with_block("a", ROOT, BLOCK) + "b\n"
    changed = BLOCK.replace("/bin/sh", "/bin/dash")
    assert with_block(crontab, ROOT, changed) == crontab.replace("/bin/sh", "/bin/dash")


def test_a_block_with_dos_line_ends_is_recognized() -> None:
    edited = with_block("a\n", ROOT, BLOCK).replace("\n", "\r\n") + "b\r\n"
    assert split_crontab(edited, ROOT).without == "a\r\nb\r\n"
    assert with_block(edited, ROOT, BLOCK) == f"a\r\n{BLOCK}b\r\n"


def test_each_project_has_its_own_block() -> None:
    other = block_of(OTHER, "/other")
    both = with_block(with_block("", ROOT, BLOCK), OTHER, other)
    assert (both, split_crontab(both, ROOT).without, split_crontab(both, OTHER).without) == (
        BLOCK + other,
        other,
        BLOCK,
    )


def test_a_block_without_its_end_is_not_edited() -> None:
    damaged = "".join(BLOCK.splitlines(keepends=True)[:-1]) + "mine\n"
    for act in (lambda: with_block(damaged, ROOT, BLOCK), lambda: split_crontab(damaged, ROOT)):
        with pytest.raises(HuskiesError) as caught:
            act()
        assert caught.value.code == "crontab_damaged"


def test_the_script_passes_environment_and_arguments_unchanged(tmp_path: Path) -> None:
    odd = "a 'b' \"c\" $HOME `false` $(false) \\ % é"
    program = tmp_path / odd
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$ODD" "$@"\n')
    program.chmod(0o755)
    script = script_of(Service(f"/{odd}", str(program), ServiceJob.TICK, {"ODD": odd}))
    done = subprocess.run(["env", "-i", "sh"], input=script, capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines() == [odd, "--project", f"/{odd}", "tick", "--quiet"]
