-- A stretch of a stream that is to be followed by another one: {selection, actions} of that one. Its holder drains, and
-- when nobody holds its lane any more it ends at its mark and the next one begins there.
alter table run add column change jsonb;
