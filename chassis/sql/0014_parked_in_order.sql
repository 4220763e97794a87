-- What is parked, and what became of it, is read by pages of a tenant's part.
CREATE INDEX parked_in_order ON log.parked (tenant, parked_at, source, position, policy);
