-- The append-only log of one service and what moves in the same transaction with it.
-- The service's role may read everything here and call append(); it cannot INSERT, UPDATE or DELETE. design.md section 3.
CREATE SCHEMA log;

CREATE TABLE log.events (
    position    bigint      PRIMARY KEY,
    stream      text        NOT NULL COLLATE "C",
    version     integer     NOT NULL,
    type        text        NOT NULL COLLATE "C",
    tenant      text        NOT NULL COLLATE "C",
    show        uuid,
    payload     bytea       NOT NULL,
    metadata    bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (stream, version)
);
CREATE INDEX events_of_show ON log.events (show, position) WHERE show IS NOT NULL;

-- One row, locked by every append until it commits: positions are dense and in commit order.
CREATE TABLE log.head (single boolean PRIMARY KEY DEFAULT true CHECK (single), position bigint NOT NULL);
INSERT INTO log.head (position) VALUES (0);

-- First answers by Idempotency-Key, per tenant.
CREATE TABLE log.answers (
    tenant      text        NOT NULL COLLATE "C",
    key         text        NOT NULL COLLATE "C",
    fingerprint bytea       NOT NULL,
    answer      bytea       NOT NULL,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);

-- How far this service has read each source, moved only together with the effects.
CREATE TABLE log.cursors (source text PRIMARY KEY COLLATE "C", position bigint NOT NULL);

-- What could not be handled, with its reason. Kept; marked when somebody has dealt with it.
CREATE TABLE log.parked (
    source    text        NOT NULL COLLATE "C",
    position  bigint      NOT NULL,
    policy    text        NOT NULL,
    error     text        NOT NULL,
    message   bytea       NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (source, position, policy)
);

-- Commits a batch of independent appends in one round trip. An append that conflicts fails alone and by name:
-- the head row is locked first, so what the checks see cannot change before the commit.
CREATE FUNCTION log.append(
    e_append integer[], e_stream text[], e_version integer[], e_type text[], e_tenant text[], e_show uuid[],
    e_payload bytea[], e_metadata bytea[],
    x_append integer[], x_stream text[], x_version integer[],
    k_append integer[], k_tenant text[], k_key text[], k_fingerprint bytea[], k_answer bytea[],
    c_append integer[], c_source text[], c_from bigint[], c_to bigint[],
    p_append integer[], p_source text[], p_position bigint[], p_policy text[], p_error text[], p_message bytea[]
) RETURNS TABLE (base bigint, rejected integer[], why text[], what text[], expected bigint[], actual bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    written bigint;
    at timestamptz;
BEGIN
    SELECT h.position INTO base FROM head h FOR UPDATE;
    at := clock_timestamp();

    SELECT array_agg(r.append), array_agg(r.why), array_agg(r.what), array_agg(r.expected), array_agg(r.actual)
      INTO rejected, why, what, expected, actual
      FROM (
        SELECT x.append, 'version' AS why, x.stream AS what, x.version::bigint AS expected, coalesce(l.version, 0)::bigint AS actual
          FROM unnest(x_append, x_stream, x_version) AS x (append, stream, version)
          LEFT JOIN LATERAL (SELECT e.version FROM events e WHERE e.stream = x.stream ORDER BY e.version DESC LIMIT 1) l ON true
         WHERE coalesce(l.version, 0) <> x.version
        UNION ALL
        SELECT k.append, 'key', k.key, 0, a.position
          FROM unnest(k_append, k_tenant, k_key) AS k (append, tenant, key)
          JOIN answers a ON a.tenant = k.tenant AND a.key = k.key
        UNION ALL
        SELECT c.append, 'cursor', c.source, c.came_from, coalesce(r.position, 0)
          FROM unnest(c_append, c_source, c_from) AS c (append, source, came_from)
          LEFT JOIN cursors r ON r.source = c.source
         WHERE coalesce(r.position, 0) <> c.came_from
      ) r;
    rejected := coalesce(rejected, '{}');

    INSERT INTO events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    SELECT base + row_number() OVER (ORDER BY e.nr), e.stream, e.version, e.type, e.tenant, e.show, e.payload, e.metadata, at
      FROM unnest(e_append, e_stream, e_version, e_type, e_tenant, e_show, e_payload, e_metadata)
           WITH ORDINALITY AS e (append, stream, version, type, tenant, show, payload, metadata, nr)
     WHERE NOT e.append = ANY (rejected)
     ORDER BY e.nr;
    GET DIAGNOSTICS written = ROW_COUNT;

    IF written > 0 THEN
        UPDATE head SET position = base + written;
    END IF;
    IF cardinality(k_append) > 0 THEN
        INSERT INTO answers (tenant, key, fingerprint, answer, position, recorded_at)
        SELECT k.tenant, k.key, k.fingerprint, k.answer, base + written, at
          FROM unnest(k_append, k_tenant, k_key, k_fingerprint, k_answer) AS k (append, tenant, key, fingerprint, answer)
         WHERE NOT k.append = ANY (rejected);
    END IF;
    IF cardinality(c_append) > 0 THEN
        INSERT INTO cursors AS r (source, position)
        SELECT c.source, c.went_to FROM unnest(c_append, c_source, c_to) AS c (append, source, went_to)
         WHERE NOT c.append = ANY (rejected)
        ON CONFLICT (source) DO UPDATE SET position = excluded.position;
    END IF;
    IF cardinality(p_append) > 0 THEN
        INSERT INTO parked (source, position, policy, error, message, parked_at)
        SELECT p.source, p.position, p.policy, p.error, p.message, at
          FROM unnest(p_append, p_source, p_position, p_policy, p_error, p_message) AS p (append, source, position, policy, error, message)
         WHERE NOT p.append = ANY (rejected)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
