"""`history --follow` and `audit --follow`, with rows from another process."""

import json
import signal

import pytest

from support.cli import start_huskies
from support.commands import Commands
from support.git_repository import GitRepository


@pytest.mark.usefixtures("processes")
def test_history_follows_new_rows(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    reader = start_huskies("history", "--follow", "--json", cwd=repository.root)
    assert reader.stdout is not None
    first = json.loads(reader.stdout.readline())
    huskies("freeze", "1")
    second = json.loads(reader.stdout.readline())
    reader.send_signal(signal.SIGINT)
    rest = reader.communicate(timeout=10)[0]
    assert ((first["event"], second["event"]), reader.returncode) == (("start", "freeze"), 130), rest


def test_the_written_audit_log_equals_the_history(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    before = huskies("audit").outcome
    huskies("audit-log")
    result, documents = huskies("audit").outcome, huskies("audit", "--json").data
    assert (before, result, documents) == (
        (0, "", ""),
        huskies("history").outcome,
        huskies("history", "--json").data,
    )


@pytest.mark.usefixtures("processes")
def test_the_audit_log_is_followed_from_a_position(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    huskies("audit-log")
    reader = start_huskies("audit", "--follow", "--json", "--after", "2", cwd=repository.root)
    assert reader.stdout is not None
    huskies("freeze", "1")
    huskies("audit-log")
    row = json.loads(reader.stdout.readline())
    reader.send_signal(signal.SIGINT)
    rest = reader.communicate(timeout=10)[0]
    assert ((row["seq"], row["event"]), reader.returncode) == ((3, "freeze"), 130), rest
