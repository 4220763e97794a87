-- The two short ways with a cheaper proof. Versions are dense and unique, so the event before a new one being there says
-- everything about its stream; the newest version need not be looked for. What is expected of a stream that gets no event
-- is beyond these functions: log.append is asked. Both answer the position of the last event and the instant of all.
DROP FUNCTION log.append_one;
DROP FUNCTION log.append_many;

-- One statement for the head and the event. It sees the log as it was before it waited for the head: what came in
-- meanwhile can make it refuse, which costs a second question, and the unique constraint catches a version taken twice.
CREATE FUNCTION log.append_one(
    e_stream text, e_version integer, e_type text, e_tenant text, e_show uuid, e_payload bytea, e_metadata bytea,
    k_key text, k_fingerprint bytea, k_answer bytea,
    OUT here bigint, OUT at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    WITH h AS (UPDATE head SET position = position + 1 RETURNING position)
    INSERT INTO events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    SELECT h.position, e_stream, e_version, e_type, e_tenant, e_show, e_payload, e_metadata, clock_timestamp()
      FROM h
     WHERE e_version = 1 OR EXISTS (SELECT FROM events e WHERE e.stream = e_stream AND e.version = e_version - 1)
    RETURNING position, recorded_at INTO here, at;
    IF here IS NULL THEN
        RAISE serialization_failure;
    END IF;
    IF k_key IS NOT NULL THEN
        INSERT INTO answers (tenant, key, fingerprint, answer, position, recorded_at)
        VALUES (e_tenant, k_key, k_fingerprint, k_answer, here, at);
    END IF;
END $$;
REVOKE ALL ON FUNCTION log.append_one FROM PUBLIC;

CREATE FUNCTION log.append_many(
    e_stream text[], e_version integer[], e_type text[], e_tenant text[], e_show uuid[], e_payload bytea[], e_metadata bytea[],
    x_stream text[], x_version integer[],
    k_tenant text[], k_key text[], k_fingerprint bytea[], k_answer bytea[], k_upto integer[],
    OUT here bigint, OUT at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    many integer := cardinality(e_stream);
BEGIN
    UPDATE head SET position = position + many RETURNING position INTO here;
    -- OFFSET keeps it a probe of the index for each stream, which a join of the two might not be.
    IF EXISTS (
        SELECT FROM unnest(x_stream, x_version) AS x (stream, version)
         WHERE x.version > 0
           AND NOT EXISTS (SELECT FROM events e WHERE e.stream = x.stream AND e.version = x.version OFFSET 0)
    ) THEN
        RAISE serialization_failure;
    END IF;
    at := clock_timestamp();
    INSERT INTO events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    SELECT here - many + e.nr, e.stream, e.version, e.type, e.tenant, e.show, e.payload, e.metadata, at
      FROM unnest(e_stream, e_version, e_type, e_tenant, e_show, e_payload, e_metadata)
           WITH ORDINALITY AS e (stream, version, type, tenant, show, payload, metadata, nr);
    IF k_key IS NOT NULL THEN
        INSERT INTO answers (tenant, key, fingerprint, answer, position, recorded_at)
        SELECT k.tenant, k.key, k.fingerprint, k.answer, here - many + k.counted, at
          FROM unnest(k_tenant, k_key, k_fingerprint, k_answer, k_upto) AS k (tenant, key, fingerprint, answer, counted);
    END IF;
END $$;
REVOKE ALL ON FUNCTION log.append_many FROM PUBLIC;
