-- The log position of the drafting, by which the list of shows is ordered: ids drafted under an Idempotency-Key have no order.
ALTER TABLE public.shows ADD COLUMN position bigint NOT NULL DEFAULT 0;
DROP INDEX public.shows_of_tenant;
CREATE INDEX shows_of_tenant ON public.shows (tenant, position DESC, show_id DESC);
