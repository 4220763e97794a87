-- Where a projection has gone on past an event that only a newer program can read (chassis/project.py).
ALTER TABLE public.projections ADD COLUMN skipped_at bigint;
