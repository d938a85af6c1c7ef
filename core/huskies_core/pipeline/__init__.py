"""The state machine of a story: its stages, its events and the table of transitions.

Everything here is pure: no clock, no disk, and no import of other packages of Huskies but the ids.
"""
