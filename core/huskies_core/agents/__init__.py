"""What a run means: prompts and command lines of the runtimes going in, the reading of their output coming
back."""
