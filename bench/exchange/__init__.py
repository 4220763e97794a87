"""The exchange: from a request to a partner's message, and the relay's pace."""
