"""Commands that are more than parsing, calling an operation and rendering its result."""
