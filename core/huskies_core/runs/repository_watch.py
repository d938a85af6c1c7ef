"""Watch the parts of the repository that runs must not change: git config, hooks, remotes and the user's branch."""

import json
from collections.abc import Sequence
from datetime import datetime

from huskies_core.git.repository_state import Fingerprint, differences
from huskies_core.store import journal, metadata, runs
from huskies_core.store.connection import Connection


def notice_changes(db: Connection, state: Fingerprint, *, actor: str, now: datetime) -> Sequence[str]:
    """Compare `state` with the stored one, write a journal entry for each change, and store `state`.

    An entry names the runs that were live. Call this function in the transactions that start and end a run. It does not
    report changes while no run is live: the user made them.
    """
    suspects = [run.id for run in runs.live(db)]
    stored = metadata.get(db, metadata.HYGIENE)
    metadata.put(db, metadata.HYGIENE, json.dumps(state.to_json()))
    if stored is None or not suspects:
        return ()
    changes = differences(Fingerprint.from_json(json.loads(stored)), state)
    for change in changes:
        detail = {"change": change, "runs": suspects}
        journal.append(db, journal.JournalKind.GIT, "repository_changed", actor=actor, now=now, detail=detail)
    return changes
