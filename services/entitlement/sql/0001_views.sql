-- Every entitlement as it is now, for lists; one of them alone is a fold of its stream.
CREATE TABLE public.entitlements (
    entitlement_id  uuid    PRIMARY KEY,
    tenant          text    NOT NULL COLLATE "C",
    bought_at       bigint  NOT NULL,
    situation       text    NOT NULL COLLATE "C",
    base_package_id uuid    NOT NULL,
    version         integer NOT NULL,
    state           bytea   NOT NULL
);
CREATE UNIQUE INDEX entitlements_of_tenant ON public.entitlements (tenant, bought_at);
CREATE INDEX entitlements_of_base_package ON public.entitlements (tenant, base_package_id);

-- The versions of the service terms a tenant may buy under: its own, and the provider's.
CREATE TABLE public.terms (
    tenant        text   NOT NULL COLLATE "C",
    terms_version text   NOT NULL COLLATE "C",
    registered_at bigint NOT NULL,
    terms         bytea  NOT NULL,
    PRIMARY KEY (tenant, terms_version)
);
