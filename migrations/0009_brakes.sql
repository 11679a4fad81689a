-- How a lane fared of late and since when it is held: by these a replay pauses itself.
alter table lane add column endings jsonb;
alter table lane add column held_since timestamptz;
