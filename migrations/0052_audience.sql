-- An audience of Segment's Engage as a destination knows it: events that name its key, or its computation, go out with
-- the id that the service gave it and with its settings. These are no credentials: every event carries them.
create table audience (
  id uuid primary key,
  destination_id uuid not null references destination (id) on delete cascade,
  key text not null,
  computation_id text,
  name text not null,
  external_id text not null,
  settings jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (destination_id, key)
);
