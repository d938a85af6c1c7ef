"""The programs that can be agents, one module each: how one is started and resumed, and how its output is read.
A module here that has a RUNTIME is one; nothing else names them all."""
