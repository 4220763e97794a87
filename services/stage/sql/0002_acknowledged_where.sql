-- The log position of an acknowledgement, so that the list of flags can be read as it was before.
ALTER TABLE public.chat_flags ADD COLUMN acknowledged_position bigint;
UPDATE public.chat_flags AS flag SET acknowledged_position = told.position FROM log.events AS told
 WHERE flag.acknowledged_at IS NOT NULL AND told.stream = 'stage-' || flag.stage_id
   AND told.type = 'stage.chat_flag_acknowledged.v1'
   AND convert_from(told.payload, 'UTF8')::json ->> 'flag_id' = flag.flag_id::text;
