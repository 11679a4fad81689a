-- Connected destinations and their actions. An action version never changes once written.

create table destination (
  id uuid primary key,
  type text not null,
  name text not null,
  enabled boolean not null,
  disabled_reason text,
  settings_sealed text not null, -- AES-256-GCM envelope, bound to this row's id
  sources uuid[], -- null: events of all sources
  budget jsonb not null default '{}',
  seam bigint not null, -- where its first stream run begins
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);

create table action (
  id uuid primary key,
  destination_id uuid not null references destination,
  name text not null,
  epoch bigint not null default 0, -- coverage of runs numbered below it no longer counts
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index action_destination on action (destination_id);

create table action_version (
  action_id uuid not null references action,
  version integer not null,
  trigger text, -- null: every event
  mapping jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (action_id, version)
);
