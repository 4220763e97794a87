"""Four houses with the same rooms: entitlement, scheduling, stage, media."""
