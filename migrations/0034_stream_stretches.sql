-- The stretch of a stream that a position lies in is one probe, however many replays a destination has had.
create index run_stretch on run (destination_id, from_position, number) where kind = 'stream';
