-- A restore to an older state begins a new epoch of the audit log (chassis/epochs.py). Written by the owner alone.
CREATE TABLE log.audit_epochs (
    number  integer     PRIMARY KEY,
    note    text        NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- As in 0003, but a tile that does not continue the one that is kept is an alarm, not something to pass over: it means that
-- events under signed hashes were removed and others took their positions.
CREATE OR REPLACE FUNCTION log.extend_audit(came_from bigint, went_to bigint, t_level smallint[], t_number bigint[], t_hashes bytea[], new_root bytea, new_note text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    kept integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7245002);
    IF (SELECT coalesce(max(size), 0) FROM audit_checkpoints) <> came_from OR went_to <= came_from THEN
        RETURN false;
    END IF;
    INSERT INTO audit_tiles AS t (level, number, hashes)
    SELECT * FROM unnest(t_level, t_number, t_hashes)
    ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes
        WHERE substr(excluded.hashes, 1, length(t.hashes)) = t.hashes;
    GET DIAGNOSTICS kept = ROW_COUNT;
    IF kept <> cardinality(t_level) THEN
        RAISE EXCEPTION 'a tile of the audit log does not continue the one that is kept';
    END IF;
    INSERT INTO audit_checkpoints (size, root, note) VALUES (went_to, new_root, new_note);
    RETURN true;
END $$;
