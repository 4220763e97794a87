-- What became of a parked message: it is never removed, so the row says who dealt with it, when, how and why.
ALTER TABLE log.parked
    ADD COLUMN tries      integer NOT NULL DEFAULT 1,
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settled_by text,
    ADD COLUMN settled_as text CHECK (settled_as IN ('retried', 'dropped')),
    ADD COLUMN note       text;
CREATE INDEX parked_open ON log.parked (source, position) WHERE settled_at IS NULL;

-- Settles one open row; false when somebody else was quicker.
CREATE FUNCTION log.settle_parked(of_source text, at_position bigint, of_policy text, how text, who text, why text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    UPDATE parked SET settled_at = clock_timestamp(), settled_by = who, settled_as = how, note = why
     WHERE source = of_source AND position = at_position AND policy = of_policy AND settled_at IS NULL;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION log.settle_parked FROM PUBLIC;

-- Keeps an open row whose policy failed once more, with the newest reason.
CREATE FUNCTION log.park_again(of_source text, at_position bigint, of_policy text, reason text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    UPDATE parked SET tries = tries + 1, error = reason
     WHERE source = of_source AND position = at_position AND policy = of_policy AND settled_at IS NULL;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION log.park_again FROM PUBLIC;
