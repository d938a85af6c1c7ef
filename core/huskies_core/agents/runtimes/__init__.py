"""One module per program that can be an agent: how its output is read while it runs."""
