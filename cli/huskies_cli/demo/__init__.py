"""The demo: `project` and `patches` are the input of its scripted agents (`agents`), `fixture` makes the temporary
repository, `stories` defines the stories, `run_demo` runs the passes, `narrator` prints the events, `checks` compares
the result with the promises, and `closing` prints the summary."""
