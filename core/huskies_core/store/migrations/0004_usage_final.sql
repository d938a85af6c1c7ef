-- usage_final: the rows of usage are from the whole output of the run; until then they are what it told while it ran
ALTER TABLE runs ADD COLUMN usage_final INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_of_open_usage ON runs (id) WHERE status = 'ended' AND usage_final = 0;
