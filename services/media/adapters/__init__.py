"""One file per real thing outside this process that the media service uses."""
