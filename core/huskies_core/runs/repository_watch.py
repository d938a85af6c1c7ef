"""Watches what runs must leave alone: the shared git config, the hooks, the remotes and the user's branch."""

import json
from collections.abc import Sequence
from datetime import datetime

from huskies_core.git.repository_state import Fingerprint, differences
from huskies_core.store import journal, metadata, runs
from huskies_core.store.connection import Connection


def notice_changes(db: Connection, seen: Fingerprint, *, actor: str, now: datetime) -> Sequence[str]:
    """Compares with what was seen last, names each change once with the runs that were live, and remembers `seen`.

    Called in the transaction that starts a run and in the one that ends it: what changes while no run is live is the
    user's own affair.
    """
    suspects = [run.id for run in runs.live(db)]
    written = metadata.get(db, metadata.HYGIENE)
    metadata.put(db, metadata.HYGIENE, json.dumps(seen.to_dict()))
    if written is None or not suspects:
        return ()
    changes = differences(Fingerprint.from_dict(json.loads(written)), seen)
    for change in changes:
        detail = {"change": change, "runs": suspects}
        journal.append(db, journal.Kind.GIT, "repository_changed", actor=actor, now=now, detail=detail)
    return changes
