"""The live production: program and preview, presenters, overlays, destinations."""
