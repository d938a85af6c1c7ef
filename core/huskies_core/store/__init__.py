"""What is known: stories, their journal, the content and the runs, in SQLite under one file lock.

All SQL is here: `connection` opens and guards, with `schema` and `trouble`; `firing` alone moves a story;
each other module is one table.
"""
