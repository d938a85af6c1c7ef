"""The demo: `agents` are scripted, with `project` and `patches` as input; `fixture` makes the repository and stories;
`run_demo` runs the passes; `narrator` prints the events; `checks` compares the result with the promises."""
