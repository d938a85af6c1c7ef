"""What is known: stories, their journal, the content and the runs, in SQLite under one file lock. All SQL is here:
`connection` opens and guards, `firing` is the only way to move a story, and each other module is one table."""
