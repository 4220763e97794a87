-- Read models and the work of the media service; rebuilt from the log at any time.

CREATE TABLE public.assets (
    asset_id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    tenant text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    situation text NOT NULL,
    file text,
    sha256 text,
    media_type text,
    size_bytes bigint,
    shared_by uuid,
    reason text,
    position bigint NOT NULL
);
CREATE INDEX assets_by_show ON public.assets (tenant, show_id, position);

CREATE TABLE public.recordings (
    recording_id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    tenant text NOT NULL,
    stage_id uuid NOT NULL,
    run_id uuid NOT NULL,
    session_id uuid NOT NULL,
    situation text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    live_ms bigint,
    recorded_ms bigint,
    gaps_ms bigint,
    vod_skipped text,
    position bigint NOT NULL
);
CREATE INDEX recordings_in_order ON public.recordings (tenant, position);
CREATE INDEX recordings_by_show ON public.recordings (tenant, show_id, position);

CREATE TABLE public.films (
    film_id uuid PRIMARY KEY,
    kind text NOT NULL,
    recording_id uuid NOT NULL,
    edit_id uuid NOT NULL,
    show_id uuid NOT NULL,
    tenant text NOT NULL,
    title text NOT NULL,
    situation text NOT NULL,
    position bigint NOT NULL
);
COMMENT ON TABLE public.films IS 'kind is edit or vod; film_id is the id of that edit or vod';
CREATE INDEX films_by_recording ON public.films (tenant, recording_id, position);
CREATE INDEX films_by_show ON public.films (tenant, show_id, position);

-- Long work that follows from events and is not done yet: a fact about it removes its row.
CREATE TABLE public.jobs (
    id text PRIMARY KEY,
    kind text NOT NULL,
    ident uuid NOT NULL,
    part uuid,
    tenant text NOT NULL,
    cause bytea NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    failure text NOT NULL DEFAULT ''
);
CREATE INDEX jobs_due ON public.jobs (kind, due_at);
