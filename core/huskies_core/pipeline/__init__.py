"""What may happen to a story: stages, events and the one function that leads from one stage to the next.
Pure: no clock, no disk, nothing of ours imported."""
