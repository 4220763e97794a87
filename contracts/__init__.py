"""What the services promise one another and the world: data only, imports nothing of ours."""
