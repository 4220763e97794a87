-- Whose a parked message is, so that the wall between tenants covers it, too. A message we cannot read is nobody's.
CREATE FUNCTION log.tenant_of(message bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(convert_from(message, 'UTF8')::json #>> '{metadata,tenant}', '');
EXCEPTION WHEN OTHERS THEN
    RETURN '';
END $$;
ALTER TABLE log.parked ADD COLUMN tenant text NOT NULL GENERATED ALWAYS AS (log.tenant_of(message)) STORED;
