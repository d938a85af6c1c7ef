"""Detached, supervised processes. A run is a directory: launch starts its shim, the shim starts the steps one
after another and writes how they ended, liveness asks the kernel whether it lives, kill ends it. Knows
nothing of the store.

The shim and all that it imports are of the standard library alone: spec, records, directory, processes,
marks, ending, spawn, stream, limits, signals, scope, supervisor."""
