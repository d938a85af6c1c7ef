-- usage_final: 1 if the rows of usage cover the whole output of the run, 0 if they may cover a part of it
ALTER TABLE runs ADD COLUMN usage_final INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_of_open_usage ON runs (id) WHERE status = 'ended' AND usage_final = 0;
