"""Fusion of the scores of several streams."""
