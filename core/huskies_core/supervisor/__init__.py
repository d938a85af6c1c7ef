"""Detached, supervised processes.

Each run is a directory: `launch` starts its supervisor, the module `shim`; the supervisor runs the steps one after
another and writes their result; the lock in `run_directory` shows whether the run is alive; `kill` ends it. The package
does not know the store. The supervisor and all modules that it imports use the standard library only.
"""
