-- Files of history that come in through the admin API. Where a file stands is written by the statement that archives
-- its rows, so sending the same file again goes on exactly behind what is committed.

create table import (
  id uuid primary key,
  source_id uuid not null references source,
  name text,
  request jsonb not null, -- how its rows become events: {format, type, map}
  idempotency_key text unique,
  sender uuid, -- who is sending it now; one that has not renewed its claim for a while is gone
  renewed_at timestamptz,
  bytes bigint not null default 0, -- of the inflated file, up to the last row that is committed
  lines bigint not null default 0,
  digest bytea not null, -- of all rows up to there: tells whether it is the same file that comes again
  appended bigint not null default 0,
  duplicates bigint not null default 0,
  rejected bigint not null default 0,
  last_position bigint, -- of its last event in the archive
  failure jsonb, -- {line, detail}: why the file could not be read on
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz, -- completed
  updated_at timestamptz not null default clock_timestamp()
);
create index import_started on import (started_at, id);

-- The first rows of an import that were not accepted; all of them stand in rejected_event.
create table import_error (
  import_id uuid not null references import on delete cascade,
  line bigint not null,
  code text not null,
  message text not null,
  raw bytea not null, -- its first bytes
  primary key (import_id, line)
);
