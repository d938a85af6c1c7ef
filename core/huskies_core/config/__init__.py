"""The configuration: project.toml and agents.toml, read strictly into validated records."""
