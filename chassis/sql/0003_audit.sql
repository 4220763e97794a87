-- The Merkle log over log.events, computed behind the write path (chassis/audit.py). Derived: it can be made again from
-- the log, but a checkpoint that was signed before is evidence, so checkpoints are only ever added.
CREATE TABLE log.audit_tiles (
    level  smallint NOT NULL,
    number bigint   NOT NULL,
    hashes bytea    NOT NULL,
    PRIMARY KEY (level, number)
);
CREATE TABLE log.audit_checkpoints (
    size     bigint      PRIMARY KEY,
    root     bytea       NOT NULL,
    note     text        NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Adds a checkpoint and the tiles that lead to it; refuses anything that does not continue the newest one.
CREATE FUNCTION log.extend_audit(came_from bigint, went_to bigint, t_level smallint[], t_number bigint[], t_hashes bytea[], new_root bytea, new_note text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7245002);
    IF (SELECT coalesce(max(size), 0) FROM audit_checkpoints) <> came_from OR went_to <= came_from THEN
        RETURN false;
    END IF;
    INSERT INTO audit_tiles AS t (level, number, hashes)
    SELECT * FROM unnest(t_level, t_number, t_hashes)
    ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes
        WHERE substr(excluded.hashes, 1, length(t.hashes)) = t.hashes;
    INSERT INTO audit_checkpoints (size, root, note) VALUES (went_to, new_root, new_note);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION log.extend_audit FROM PUBLIC;
