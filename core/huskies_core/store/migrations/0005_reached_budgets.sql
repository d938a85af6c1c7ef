-- Which budgets were noted as used up: story 0 is the day's, whose day is then named; most is the budget as it stood.
CREATE TABLE reached_budgets (
    story INTEGER NOT NULL DEFAULT 0,
    day TEXT NOT NULL DEFAULT '',
    most REAL NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (story, day, most)
) STRICT, WITHOUT ROWID;
