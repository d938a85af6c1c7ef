"""What people decide: project.toml and agents.toml, read strictly into records that cannot be wrong."""
