-- Budgets that were used up. Story 0 means the budget of `day`; most is the amount of the budget at that time.
CREATE TABLE reached_budgets (
    story INTEGER NOT NULL DEFAULT 0,
    day TEXT NOT NULL DEFAULT '',
    most REAL NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (story, day, most)
) STRICT, WITHOUT ROWID;
