"""Types of the numbers that identify rows of the store, so that mypy distinguishes them."""

from typing import NewType

StoryId = NewType("StoryId", int)
RunId = NewType("RunId", int)
TimerId = NewType("TimerId", int)
TriggerId = NewType("TriggerId", int)
ExecutionId = NewType("ExecutionId", int)
NotificationId = NewType("NotificationId", int)

Seq = NewType("Seq", int)
"""A position in the journal."""
JOURNAL_START = Seq(0)
"""The position before the first row."""

Visit = Seq
"""The journal position of the event that began a story's stay in its stage."""
