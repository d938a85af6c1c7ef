"""The tools, the board and the stories for clients of the Model Context Protocol, over standard input and output:
`calls` does what is asked, in threads; `server` alone knows the protocol."""
