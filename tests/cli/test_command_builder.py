import pytest

from huskies_cli.command import own_command
from huskies_cli.command_builder import OneCommand
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.operations.operation import Command


@own_command(Command("sample", note="The keys [a] and [/b] stay."))
def sample(_: Session) -> Result:
    """Print the table [notify]."""
    return Result()


def test_help_prints_words_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    command = OneCommand(sample, "sample")
    with pytest.raises(SystemExit):
        command.main(["--help"], prog_name="sample")
    printed = capsys.readouterr().out
    assert [word in printed for word in ("table [notify]", "[a]", "[/b]")] == [True] * 3
