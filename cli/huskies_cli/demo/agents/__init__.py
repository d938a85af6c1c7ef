"""Agents that follow a script: programs of their own, started like any other agent of runtime `command`."""
