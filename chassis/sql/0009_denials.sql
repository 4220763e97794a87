-- Who tried what they may not: one row per minute, caller, operation and reason, so that ten thousand attempts are few
-- rows. Counts only grow, through note_denials alone. No token and nothing a token claims unverified is in here.
CREATE TABLE log.denials (
    minute    timestamptz NOT NULL,
    tenant    text        NOT NULL COLLATE "C",   -- '' where no signature named one
    subject   text        NOT NULL COLLATE "C",
    operation text        NOT NULL COLLATE "C",
    reason    text        NOT NULL COLLATE "C",
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    attempts  bigint      NOT NULL CHECK (attempts > 0),
    PRIMARY KEY (minute, tenant, subject, operation, reason)
);
-- Attempts of nobody we know may be seen by whoever may see denials at all.
CREATE POLICY of_strangers ON log.denials FOR SELECT USING (tenant = '' AND current_setting('regie.tenant', true) <> '');

-- Adds attempts; forgets what is older than 90 days.
CREATE FUNCTION log.note_denials(
    n_minute timestamptz[], n_tenant text[], n_subject text[], n_operation text[], n_reason text[],
    n_first timestamptz[], n_last timestamptz[], n_attempts bigint[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    DELETE FROM denials WHERE minute < clock_timestamp() - interval '90 days';
    INSERT INTO denials AS d (minute, tenant, subject, operation, reason, first_at, last_at, attempts)
    SELECT * FROM unnest(n_minute, n_tenant, n_subject, n_operation, n_reason, n_first, n_last, n_attempts)
    ON CONFLICT (minute, tenant, subject, operation, reason) DO UPDATE
        SET first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at),
            attempts = d.attempts + excluded.attempts;
$$;
REVOKE ALL ON FUNCTION log.note_denials FROM PUBLIC;
