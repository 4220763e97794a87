-- Webhooks: where partners want to be told, how far each has been told, and every attempt of the last time. The cursor is
-- moved in the transaction that notes the attempt. Secrets are not here but in the vault.
CREATE TABLE public.webhooks (
    id               uuid        PRIMARY KEY,
    tenant           text        NOT NULL COLLATE "C",
    url              text        NOT NULL,
    types            text[]      NOT NULL,
    show             uuid,
    state            text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    reason           text        NOT NULL DEFAULT '',
    version          bigint      NOT NULL DEFAULT 1,
    cursor           bigint      NOT NULL,
    failures         integer     NOT NULL DEFAULT 0,
    next_at          timestamptz,
    secret           integer     NOT NULL DEFAULT 1,
    old_secret_until timestamptz,
    fingerprint      bytea,
    made_by          text        NOT NULL,
    made_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhooks_of_tenant ON public.webhooks (tenant, id);

CREATE TABLE public.webhook_attempts (
    nr       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook  uuid        NOT NULL REFERENCES public.webhooks ON DELETE CASCADE,
    tenant   text        NOT NULL COLLATE "C",
    position bigint      NOT NULL,
    message  text        NOT NULL,
    type     text        NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    status   integer,
    took_ms  integer     NOT NULL,
    error    text        NOT NULL
);
CREATE INDEX webhook_attempts_of ON public.webhook_attempts (webhook, nr);

-- Who did what to which webhook: the service's role can add a line through the function and change none.
CREATE TABLE log.webhook_actions (
    nr      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant  text        NOT NULL COLLATE "C",
    webhook uuid        NOT NULL,
    action  text        NOT NULL,
    actor   text        NOT NULL,
    role    text        NOT NULL,
    detail  text        NOT NULL
);
CREATE INDEX webhook_actions_of_tenant ON log.webhook_actions (tenant, nr);

CREATE FUNCTION log.note_webhook_action(n_tenant text, n_webhook uuid, n_action text, n_actor text, n_role text, n_detail text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp AS $$
    INSERT INTO webhook_actions (tenant, webhook, action, actor, role, detail)
    VALUES (n_tenant, n_webhook, n_action, n_actor, n_role, n_detail)
$$;
REVOKE ALL ON FUNCTION log.note_webhook_action FROM PUBLIC;
