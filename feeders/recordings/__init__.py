"""Raw recordings, one at a time: skeleton files and videos as arrays and images, for `feeders.prepare` and `LLMs`."""
