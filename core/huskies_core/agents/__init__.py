"""What a run means: who works on what, with which prompt, and what follows from how it ended."""
