"""The store: stories, their journal, content and runs in one SQLite database, written under one file lock.

All SQL is here. `connection` opens the database, with `schema` and `errors`. `rows` converts records, and `tables` has
the queries that several tables share. Only `transitions` moves a story. `due` and `completions` use only sqlite3
and run in a few milliseconds. Each other module is one table, or a few that belong together.
"""
