"""From what people download to the stores the feeders read: `python -m feeders.prepare <command>`."""
