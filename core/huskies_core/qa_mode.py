"""The review of finished work."""

from enum import StrEnum


class QaMode(StrEnum):
    """The reviewer of finished work: the gates alone (server), a QA agent after them, or a person."""

    SERVER = "server"
    AGENT = "agent"
    HUMAN = "human"
