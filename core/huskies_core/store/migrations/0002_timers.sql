-- schedule and action are JSON; trouble: the problem of the last execution, if a person must look at it
-- depth: the number of executions, each caused by the last, that led to this timer
CREATE TABLE timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL DEFAULT '',
    schedule TEXT NOT NULL,
    action TEXT NOT NULL,
    catch_up TEXT NOT NULL CHECK (catch_up IN ('once', 'none')),
    state TEXT NOT NULL CHECK (state IN ('armed', 'fired', 'interrupted', 'cancelled')),
    fire_at TEXT NOT NULL,
    depth INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX timers_due ON timers (fire_at) WHERE state = 'armed';
CREATE INDEX timers_by_label ON timers (label) WHERE label <> '';
CREATE INDEX timers_in_trouble ON timers (id) WHERE trouble <> '';

-- since: the trigger sees transitions after this journal position
CREATE TABLE triggers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    predicate TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('once', 'persistent')),
    action TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('armed', 'fired', 'interrupted', 'suspended', 'cancelled')),
    since INTEGER NOT NULL,
    fired INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX triggers_armed ON triggers (since) WHERE state = 'armed';
CREATE INDEX triggers_in_trouble ON triggers (id) WHERE trouble <> '';

-- Executions. source: 'timer:3' or 'trigger:4'; cause: the journal position of the transition that the trigger matched
-- seq: the journal row of the execution
CREATE TABLE firings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    cause INTEGER,
    depth INTEGER NOT NULL,
    seq INTEGER NOT NULL REFERENCES journal (seq),
    action TEXT NOT NULL,
    at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'done', 'failed', 'interrupted'))
) STRICT;
CREATE UNIQUE INDEX one_firing_per_cause ON firings (source, cause) WHERE cause IS NOT NULL;
CREATE INDEX firings_of_source ON firings (source, at);
CREATE INDEX open_firings ON firings (id) WHERE status = 'open';
CREATE INDEX firings_by_age ON firings (at);

-- Causation: the execution (its journal position) that last moved a story; removed when a person changes the story.
CREATE TABLE chains (
    story INTEGER PRIMARY KEY,
    cause INTEGER NOT NULL,
    depth INTEGER NOT NULL
) STRICT;
