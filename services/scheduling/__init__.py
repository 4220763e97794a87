"""When and who: the show, its run-of-show, the seat and the speakers."""
