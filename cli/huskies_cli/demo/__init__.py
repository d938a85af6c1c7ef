"""The demo: `agents` are scripted, with `project` and `patches` as input; `fixture` makes the temporary repository;
`stories` defines the stories; `run_demo` runs the passes; `narrator` prints the events; `checks` compares the result
with the promises; `closing` prints the introduction and the summary."""
