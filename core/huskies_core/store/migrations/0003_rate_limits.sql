-- until: no agent of that runtime and model is started before this time
-- attempts: the number of waits in a row without a reset time from the provider
CREATE TABLE rate_limits (
    runtime TEXT NOT NULL,
    model TEXT NOT NULL,
    until TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    detail TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (runtime, model)
) STRICT, WITHOUT ROWID;

-- kind rate_limit: delays a story while the account of its agent is at its limit
ALTER TABLE timers ADD COLUMN kind TEXT NOT NULL DEFAULT 'scheduled' CHECK (kind IN ('scheduled', 'rate_limit'));
ALTER TABLE timers ADD COLUMN story INTEGER REFERENCES stories (id);
CREATE UNIQUE INDEX one_rate_limit_timer ON timers (story) WHERE kind = 'rate_limit' AND state = 'armed';
