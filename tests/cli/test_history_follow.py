"""`history --follow`: from another process, as it happens."""

import json
import signal

from support.cli import start_huskies
from support.commands import Commands
from support.git_repository import GitRepository


def test_history_is_followed_as_it_happens(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    reader = start_huskies("history", "--follow", "--json", cwd=repository.root)
    assert reader.stdout is not None
    first = json.loads(reader.stdout.readline())
    huskies("freeze", "1")
    second = json.loads(reader.stdout.readline())
    reader.send_signal(signal.SIGINT)
    rest = reader.communicate(timeout=10)[0]
    assert ((first["event"], second["event"]), reader.returncode) == (("start", "freeze"), 130), rest
