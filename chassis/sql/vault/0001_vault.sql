-- Keys of data subjects and secrets, in a database of their own with short backups: destroying a row is forgetting.
CREATE TABLE public.keys (
    tenant       text  NOT NULL COLLATE "C",
    subject      text  NOT NULL COLLATE "C",
    wrapped      bytea,                        -- null: forgotten, for good
    made_at      timestamptz NOT NULL DEFAULT now(),
    forgotten_at timestamptz,
    PRIMARY KEY (tenant, subject)
);
CREATE TABLE public.secrets (
    tenant text  NOT NULL COLLATE "C",
    name   text  NOT NULL COLLATE "C",
    box    bytea NOT NULL,
    PRIMARY KEY (tenant, name)
);
