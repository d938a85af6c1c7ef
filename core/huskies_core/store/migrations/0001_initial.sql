CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('transition', 'story', 'run', 'worktree', 'git', 'timer', 'trigger', 'queue')),
    story INTEGER,
    event TEXT NOT NULL,
    "before" TEXT,
    "after" TEXT,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX journal_of_story ON journal (story, seq);
CREATE INDEX journal_transitions ON journal (seq) WHERE kind = 'transition';
CREATE INDEX journal_merge_failures ON journal (story, seq) WHERE event = 'merge_failed';
CREATE INDEX journal_fresh_starts ON journal (story, seq)
    WHERE event IN ('start', 'deps_met', 'unblock', 'reopen');

-- visit: the journal position of the event that began the visit; entered_by: the name of that event
-- returned_by: the event that put the story back into backlog; NULL again when a person starts it
-- reset_seq: retries, recoveries and crashes after this journal position count
-- coding_at: the last time at which the story came from backlog into coding; the merge queue orders by it
CREATE TABLE stories (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL CHECK (type IN ('story', 'bug', 'spike', 'refactor', 'epic', 'task')),
    title TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    criteria TEXT NOT NULL DEFAULT '[]',
    depends_on TEXT NOT NULL DEFAULT '[]',
    epic INTEGER REFERENCES stories (id),
    agent TEXT,
    qa TEXT CHECK (qa IN ('server', 'agent', 'human')),
    priority INTEGER NOT NULL DEFAULT 0,
    labels TEXT NOT NULL DEFAULT '[]',
    stage TEXT NOT NULL,
    payload TEXT NOT NULL DEFAULT '{}',
    visit INTEGER NOT NULL REFERENCES journal (seq),
    entered_by TEXT NOT NULL,
    returned_by TEXT CHECK (returned_by IN ('demote', 'reopen')),
    reset_seq INTEGER NOT NULL DEFAULT 0,
    stage_entered_at TEXT NOT NULL,
    coding_at TEXT,
    retries INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX stories_by_stage ON stories (stage, stage_entered_at);
CREATE INDEX epics ON stories (stage) WHERE type = 'epic';
CREATE INDEX stories_by_epic ON stories (epic) WHERE epic IS NOT NULL;

CREATE TABLE content (
    story INTEGER NOT NULL REFERENCES stories (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (story, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    story INTEGER NOT NULL REFERENCES stories (id),
    kind TEXT NOT NULL CHECK (kind IN ('coder', 'qa', 'mergemaster', 'other', 'gates', 'merge')),
    agent TEXT,
    runtime TEXT,
    model TEXT,
    visit INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('starting', 'live', 'ending', 'ended')),
    outcome TEXT CHECK (outcome IN
        ('completed', 'failed', 'crashed', 'limit', 'rate_limited', 'stopped', 'cancelled')),
    detail TEXT NOT NULL DEFAULT '',
    verdict TEXT,
    evidence TEXT,
    landing TEXT,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    turns INTEGER NOT NULL DEFAULT 0,
    tool_turns INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL NOT NULL DEFAULT 0,
    CHECK ((status = 'ended') = (outcome IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX one_live_run_per_story ON runs (story) WHERE status <> 'ended';
CREATE UNIQUE INDEX one_live_run_per_agent ON runs (agent) WHERE status <> 'ended' AND agent IS NOT NULL;
CREATE UNIQUE INDEX one_live_merge ON runs (kind) WHERE status <> 'ended' AND kind = 'merge';
CREATE INDEX runs_of_story ON runs (story, id);
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE usage (
    run INTEGER NOT NULL REFERENCES runs (id),
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL NOT NULL DEFAULT 0,
    at TEXT NOT NULL,
    PRIMARY KEY (run, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_time ON usage (at);

CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pass_times (
    pass TEXT PRIMARY KEY,
    last_at TEXT,
    due_at TEXT
) STRICT, WITHOUT ROWID;

-- The feature branches that this store created. A branch of the same name from elsewhere is never adopted.
CREATE TABLE branches (
    story INTEGER PRIMARY KEY REFERENCES stories (id),
    base_commit TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

-- Queue holds: they stop the whole merge queue (story 0) or one story in it, and are not a failure of a story.
CREATE TABLE holds (
    kind TEXT NOT NULL CHECK (kind IN ('base_broken', 'base_dirty')),
    story INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (kind, story)
) STRICT, WITHOUT ROWID;

CREATE TABLE gate_passes (
    tree TEXT NOT NULL,
    definition TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (tree, definition)
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_passes_by_age ON gate_passes (at);
