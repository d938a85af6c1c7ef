"""Commands that do more than call an operation and render its result."""
