"""A server of the Model Context Protocol on standard input and output. `calls` runs the operations; only `server`
knows the protocol."""
