"""Make the stores that the feeders read, from recordings as downloaded: `python -m feeders.prepare <command>`."""
