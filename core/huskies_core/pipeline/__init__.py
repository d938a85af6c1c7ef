"""The state machine of a story: its stages, its events and the table of transitions.

The package is pure: it reads no clock and no disk, and imports nothing else of Huskies but `ids`.
"""
