"""What the runs below a folder have reached, and how they differ: `python -m torchlight.runs FOLDER`."""
