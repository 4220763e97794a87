-- The same leaf hashes for less. The binary form of an array has each element behind its length already (after 20 bytes of
-- its own), and that of an instant is the microseconds since 2000. Positions are dense: a range needs no LIMIT, by which the
-- planner might sort what it could read in order.
CREATE OR REPLACE FUNCTION log.audit_leaves(behind bigint, most integer, OUT first bigint, OUT last bigint, OUT hashes bytea)
LANGUAGE sql STABLE AS $$
    SELECT min(position), max(position), string_agg(leaf, ''::bytea ORDER BY position)
      FROM (
        SELECT position, sha256('\x00'::bytea || substr(array_send(ARRAY[
                 convert_to(position::text, 'UTF8'),
                 convert_to(stream, 'UTF8'),
                 convert_to(version::text, 'UTF8'),
                 convert_to(type, 'UTF8'),
                 convert_to(tenant, 'UTF8'),
                 convert_to(coalesce(show::text, ''), 'UTF8'),
                 payload,
                 metadata,
                 convert_to((timestamptz_send(recorded_at)::bigint + 946684800000000)::text, 'UTF8')
               ]), 21)) AS leaf
          FROM log.events WHERE position > behind AND position <= behind + most
      ) AS leaves
$$;
DROP FUNCTION log.framed;
