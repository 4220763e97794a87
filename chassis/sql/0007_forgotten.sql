-- Who was forgotten, by the log: so that a vault restored from a backup forgets them again (chassis/forget.py). Derived.
CREATE TABLE public.forgotten (
    tenant  text NOT NULL COLLATE "C",
    subject text NOT NULL COLLATE "C",
    PRIMARY KEY (tenant, subject)
);
