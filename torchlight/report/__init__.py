"""Reports as single HTML files that need no network: of a run, of a fusion, and of all runs below a folder.

`page` makes a page of a template in `templates`; `charts`, `classes` and `clips` prepare parts of it. Everything here
takes plain arrays, texts and numbers; what they mean is known to those who call it.
"""
