-- What a service derives from its log and may throw away: projection cursors and timers.
CREATE TABLE public.projections (name text PRIMARY KEY COLLATE "C", position bigint NOT NULL);

CREATE TABLE public.timers (
    id       text        PRIMARY KEY COLLATE "C",
    due_at   timestamptz NOT NULL,
    kind     text        NOT NULL,
    ident    text        NOT NULL,
    tenant   text        NOT NULL,
    cause    bytea       NOT NULL
);
CREATE INDEX timers_due ON public.timers (due_at);
