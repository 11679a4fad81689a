-- The archive: every event as it was sent, in commit order, and the table that keeps duplicates out of it.

create table source (
  id uuid primary key,
  name text not null,
  origin text not null default 'tracking_api'
    check (origin in ('tracking_api', 'track_api', 'import', 'reverse_etl')),
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);

-- Write keys are public by nature (they stand in web pages), so they are kept readable.
create table write_key (
  key text primary key,
  source_id uuid not null references source,
  created_at timestamptz not null default now(),
  expires_at timestamptz -- set by a rotation: the old key goes on until then
);
create index write_key_source on write_key (source_id);

-- Positions are taken while the append lock is held, so position order is commit order.
create sequence event_position as bigint;

create table event (
  position bigint primary key,
  received_at timestamptz not null,
  sent_at timestamptz,
  timestamp timestamptz not null, -- corrected for the skew of the sender's clock
  source_id uuid not null,
  origin text not null,
  type text not null,
  name text,
  user_id text,      -- look-up copies: NUL, which Postgres text cannot hold, stands as U+FFFD here
  anonymous_id text,
  message_id text not null,
  bucket smallint not null check (bucket between 0 and 1023),
  live boolean not null, -- false: imported history, which streams pass over
  integrations text,
  raw text not null, -- the sender's JSON, byte for byte
  edits text not null -- what makes the completed event of it: JSON [[name, byte offset, length, insert?], ...]
) partition by range (position);
create index event_received_at on event using brin (received_at);
create index event_timestamp on event using brin (timestamp);

-- One row per (source, messageId) seen within the dedupe window; key and body are truncated sha256.
create table event_identity (
  key uuid primary key,
  body uuid not null,
  position bigint not null,
  received_at timestamptz not null
);
create index event_identity_received_at on event_identity using brin (received_at);

create table rejected_event (
  id bigint generated always as identity primary key,
  received_at timestamptz not null,
  source_id uuid not null,
  code text not null,
  message text not null,
  message_id text,
  raw bytea not null
);
create index rejected_event_source on rejected_event (source_id, id);
