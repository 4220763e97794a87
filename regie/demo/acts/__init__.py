"""The acts of the demo, in order: buying, planning, live, afterwards, looking back."""
