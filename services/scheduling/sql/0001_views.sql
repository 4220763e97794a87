-- Read models of many: every tenant's shows, and every analyst's shifts over all tenants.
CREATE TABLE public.shows (
    show_id        uuid        PRIMARY KEY,
    tenant         text        NOT NULL COLLATE "C",
    title          text        NOT NULL,
    zone           text        NOT NULL,
    state          text        NOT NULL,
    starts_at      timestamptz,
    ends_at        timestamptz,
    entitlement_id uuid
);
CREATE INDEX shows_of_tenant ON public.shows (tenant, show_id DESC);

CREATE TABLE public.shifts (
    analyst_id uuid        NOT NULL,
    seat_id    uuid        NOT NULL,
    tenant     text        NOT NULL COLLATE "C",
    show_id    uuid        NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    PRIMARY KEY (analyst_id, seat_id)
);
