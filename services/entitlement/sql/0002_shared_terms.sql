-- The provider's service terms are everybody's to read, through the wall between tenants.
CREATE POLICY shared_terms ON public.terms FOR SELECT USING (tenant = 'provider');
CREATE POLICY shared_terms ON log.events FOR SELECT USING (tenant = 'provider' AND stream LIKE 'terms-%');
