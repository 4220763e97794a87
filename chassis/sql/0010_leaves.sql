-- The leaf hashes of the audit log, computed where the bytes are: what travels is 32 bytes an event. The same bytes as
-- chassis/leaves.py, by which an export is judged and the whole log is compared again.
CREATE FUNCTION log.framed(part bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN int4send(length(part)) || part;

CREATE FUNCTION log.audit_leaves(behind bigint, most integer, OUT first bigint, OUT last bigint, OUT hashes bytea)
LANGUAGE sql STABLE AS $$
    SELECT min(position), max(position), string_agg(leaf, ''::bytea ORDER BY position)
      FROM (
        SELECT position, sha256(
                 '\x00'::bytea
                 || log.framed(convert_to(position::text, 'UTF8'))
                 || log.framed(convert_to(stream, 'UTF8'))
                 || log.framed(convert_to(version::text, 'UTF8'))
                 || log.framed(convert_to(type, 'UTF8'))
                 || log.framed(convert_to(tenant, 'UTF8'))
                 || log.framed(convert_to(coalesce(show::text, ''), 'UTF8'))
                 || log.framed(payload)
                 || log.framed(metadata)
                 || log.framed(convert_to((extract(epoch FROM recorded_at) * 1000000)::bigint::text, 'UTF8'))
               ) AS leaf
          FROM log.events WHERE position > behind ORDER BY position LIMIT most
      ) AS leaves
$$;
REVOKE ALL ON FUNCTION log.framed, log.audit_leaves FROM PUBLIC;
