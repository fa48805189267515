"""The settings: every flag in flags.py, and a YAML file for each run that the paper or the README describes."""
