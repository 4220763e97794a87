-- The two short ways into the log, for changes whose expectations hold, which is nearly all of them: they raise
-- serialization_failure (or unique_violation) when one does not, and log.append is then asked to find out which and why.

-- One event, and the answer to its Idempotency-Key where there is one. Answers its position.
CREATE FUNCTION log.append_one(
    e_stream text, e_version integer, e_type text, e_tenant text, e_show uuid, e_payload bytea, e_metadata bytea,
    k_key text, k_fingerprint bytea, k_answer bytea
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    here bigint;
    at timestamptz;
BEGIN
    UPDATE head SET position = position + 1 RETURNING position INTO here;
    -- Of a new stream the unique constraint alone is proof enough: versions are dense from 1.
    IF e_version > 1 AND e_version - 1 IS DISTINCT FROM
       (SELECT e.version FROM events e WHERE e.stream = e_stream ORDER BY e.version DESC LIMIT 1) THEN
        RAISE serialization_failure;
    END IF;
    at := clock_timestamp();
    INSERT INTO events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    VALUES (here, e_stream, e_version, e_type, e_tenant, e_show, e_payload, e_metadata, at);
    IF k_key IS NOT NULL THEN
        INSERT INTO answers (tenant, key, fingerprint, answer, position, recorded_at)
        VALUES (e_tenant, k_key, k_fingerprint, k_answer, here, at);
    END IF;
    RETURN here;
END $$;
REVOKE ALL ON FUNCTION log.append_one FROM PUBLIC;

-- Many events in their order. Expectations are about streams as they were before all of them. `k_upto` counts the events
-- up to and including those of the key's own change. Answers the position of the last event.
CREATE FUNCTION log.append_many(
    e_stream text[], e_version integer[], e_type text[], e_tenant text[], e_show uuid[], e_payload bytea[], e_metadata bytea[],
    x_stream text[], x_version integer[],
    k_tenant text[], k_key text[], k_fingerprint bytea[], k_answer bytea[], k_upto integer[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    upto bigint;
    at timestamptz;
    many integer := cardinality(e_stream);
BEGIN
    UPDATE head SET position = position + many RETURNING position INTO upto;
    IF EXISTS (
        SELECT FROM unnest(x_stream, x_version) AS x (stream, version)
         WHERE x.version <> coalesce((SELECT e.version FROM events e WHERE e.stream = x.stream ORDER BY e.version DESC LIMIT 1), 0)
    ) THEN
        RAISE serialization_failure;
    END IF;
    at := clock_timestamp();
    INSERT INTO events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    SELECT upto - many + e.nr, e.stream, e.version, e.type, e.tenant, e.show, e.payload, e.metadata, at
      FROM unnest(e_stream, e_version, e_type, e_tenant, e_show, e_payload, e_metadata)
           WITH ORDINALITY AS e (stream, version, type, tenant, show, payload, metadata, nr);
    IF k_key IS NOT NULL THEN
        INSERT INTO answers (tenant, key, fingerprint, answer, position, recorded_at)
        SELECT k.tenant, k.key, k.fingerprint, k.answer, upto - many + k.counted, at
          FROM unnest(k_tenant, k_key, k_fingerprint, k_answer, k_upto) AS k (tenant, key, fingerprint, answer, counted);
    END IF;
    RETURN upto;
END $$;
REVOKE ALL ON FUNCTION log.append_many FROM PUBLIC;
