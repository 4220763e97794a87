-- Read models of the stage service; rebuilt from the log at any time.

CREATE TABLE public.stages (
    stage_id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    tenant text NOT NULL,
    name text NOT NULL,
    situation text NOT NULL,
    session_id uuid,
    engine_up boolean NOT NULL DEFAULT false,
    version bigint NOT NULL
);
CREATE INDEX stages_by_show ON public.stages (tenant, show_id, name);

-- What really happened on the stages of a show, in the order it was recorded.
CREATE TABLE public.as_run (
    position bigint PRIMARY KEY,
    show_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    tenant text NOT NULL,
    happened_at timestamptz NOT NULL,
    type text NOT NULL,
    actor text NOT NULL,
    frame bigint,
    data bytea NOT NULL
);
CREATE INDEX as_run_by_show ON public.as_run (tenant, show_id, position);

CREATE TABLE public.chat_flags (
    flag_id uuid PRIMARY KEY,
    stage_id uuid NOT NULL,
    tenant text NOT NULL,
    position bigint NOT NULL,
    channel text NOT NULL,
    flagged_at timestamptz NOT NULL,
    flagged_by text NOT NULL,
    author bytea,
    message bytea NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text NOT NULL DEFAULT ''
);
CREATE INDEX chat_flags_by_stage ON public.chat_flags (tenant, stage_id, position);

CREATE TABLE public.attendee_views (
    position bigint PRIMARY KEY,
    stage_id uuid NOT NULL,
    tenant text NOT NULL,
    looked_at timestamptz NOT NULL,
    outcome text NOT NULL,
    faults text[] NOT NULL,
    delay_s double precision,
    looked_by text NOT NULL,
    note text NOT NULL
);
CREATE INDEX attendee_views_by_stage ON public.attendee_views (tenant, stage_id, position);
