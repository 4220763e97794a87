-- Which key-encryption key wraps an entry, by its id; empty for what was wrapped before keys had ids (chassis/keks.py).
ALTER TABLE public.keys ADD COLUMN kek text NOT NULL DEFAULT '' COLLATE "C";
ALTER TABLE public.secrets ADD COLUMN kek text NOT NULL DEFAULT '' COLLATE "C";
