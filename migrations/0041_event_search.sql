-- A person's events. With the position, so that the newest come first and a page of them is read, not all.
create index event_user on event (user_id, position) where user_id is not null;
create index event_anonymous on event (anonymous_id, position) where anonymous_id is not null;

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
