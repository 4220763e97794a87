"""What remains: assets, recordings, edits, video on demand."""
