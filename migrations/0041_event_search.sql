-- What 8,192 positions hold, written by the upkeep once nothing can come into them any more: a search passes over those
-- that cannot hold what it looks for. Nothing in it changes when an event is deleted.
create table archive_chunk (
  chunk bigint primary key, -- position / 8192
  received_from timestamptz, -- null, as all times: there is no event
  received_to timestamptz,
  timestamp_from timestamptz,
  timestamp_to timestamptz,
  types text[] not null,
  sources uuid[] not null,
  origins text[] not null
);

-- Where in a chunk people's events are, by a hash of each userId and anonymousId, written with the sums: an index on
-- `event` would cost the append more than all else it does. An entry goes when its event is deleted.
create table archive_person (
  bucket smallint not null, -- 8 bits of the hash
  chunk bigint not null,
  entries integer[] not null, -- rising: 18 more bits of the hash, then 13 of the position in the chunk
  primary key (bucket, chunk)
);
