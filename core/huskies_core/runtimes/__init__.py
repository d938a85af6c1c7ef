"""Programs that can be agents, one module per program: how to start and resume it, and how to read its output.
A module with a RUNTIME is one of them; `registry` finds them by their files."""
