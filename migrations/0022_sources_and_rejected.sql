-- What each source sent lately. API processes count in memory and add to these every few seconds; the minutes are for
-- a rate over the last hour and are forgotten soon after it.
create table source_seen (
  source_id uuid primary key,
  last_seen_at timestamptz not null
);
create table source_sdk (
  source_id uuid not null,
  name text not null,
  version text not null, -- empty: it did not say
  last_seen_at timestamptz not null,
  primary key (source_id, name, version)
);
create table source_minute (
  source_id uuid not null,
  minute timestamptz not null,
  received bigint not null,
  rejected bigint not null,
  primary key (source_id, minute)
);

-- How large an event of the source may be; null: as large as any.
alter table source add column max_event_bytes integer check (max_event_bytes > 0);

-- How a rejected event came, beside its bytes: what it takes to read it again. Null: it cannot be.
alter table rejected_event add column arrival text;
create index rejected_event_code on rejected_event (code, id);
create index rejected_event_received_at on rejected_event (received_at);
