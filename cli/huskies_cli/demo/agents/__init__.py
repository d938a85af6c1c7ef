"""Scripted agents: separate programs, started like any other agent of runtime `command`."""
