"""Commands that must ask the world first: read a file, seal a name, look at another aggregate, make an id.

`request` says who asks; `planning_shows` is about shows and their run of show, `staffing` about the crew, `preparing`
about speakers.
"""
