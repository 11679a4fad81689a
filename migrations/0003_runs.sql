-- Runs, the lanes that carry their checkpoints and leases, and what deliveries leave behind.

create table run (
  id uuid primary key,
  number bigint generated always as identity unique, -- orders runs for coverage epochs
  label text,
  destination_id uuid not null references destination,
  kind text not null check (kind in ('replay', 'stream')),
  parent_id uuid references run,
  request jsonb not null default '{}', -- as it was asked, relative times frozen
  cut_to_stream boolean not null default false, -- the range asked for reached into what the stream owns
  from_position bigint not null, -- first position of the range
  to_position bigint, -- last one; null: a stream run that is still open
  selection jsonb not null default '{}',
  mode text not null default 'missing' check (mode in ('missing', 'all', 'failed')),
  new_ids boolean not null default false,
  actions jsonb not null, -- [{actionId, version}], pinned
  order_by text not null default 'user' check (order_by in ('user', 'strict', 'none')),
  -- Desired state: a signal only wakes, this row decides. Each change raises revision.
  desired text not null default 'running' check (desired in ('planned', 'running', 'paused', 'cancelled')),
  events_per_second double precision,
  max_concurrent integer,
  revision bigint not null default 1,
  selected bigint not null default 0,
  counted_to bigint not null default 0, -- up to which position `selected` has been counted
  status_reason text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  ended_as text check (ended_as in ('completed', 'completed_with_failures', 'cancelled', 'failed')),
  check ((ended_at is null) = (ended_as is null) or kind = 'stream')
);
create index run_destination on run (destination_id, number);
create unique index run_one_running_replay on run (destination_id)
  where kind = 'replay' and ended_at is null and desired <> 'planned';
create unique index run_one_open_stream on run (destination_id)
  where kind = 'stream' and ended_at is null;

create table lane (
  run_id uuid not null references run,
  lane smallint not null,
  bucket_from smallint not null,
  bucket_to smallint not null, -- inclusive
  mark bigint not null, -- every position of the lane up to here is settled or has a waiting row
  mark_received_at timestamptz,
  counts jsonb not null default '{}', -- events up to the mark, by bucket; byAction counts deliveries
  ahead jsonb not null default '{}', -- the same for what is settled above the mark
  rate double precision not null default 0,
  -- Lease: a worker holds the lane while it renews; writes carry the token.
  lease_token uuid,
  lease_renewals bigint not null default 0,
  lease_released boolean not null default true,
  lease_renewed_at timestamptz,
  lease_revision bigint not null default 0, -- the run revision that the holder last confirmed
  state text not null default 'ready' check (state in ('ready', 'held', 'waiting', 'parked', 'done')),
  state_reason text,
  hold_ms integer, -- the last wait between probes, so that the next slice goes on growing it
  wake_at timestamptz,
  woken_at timestamptz,
  primary key (run_id, lane)
);
create index lane_parked on lane (run_id) where state = 'parked';

-- Deliveries set aside after a transient failure, and those of the same user that stand behind one.
create table waiting_delivery (
  run_id uuid not null references run,
  lane smallint not null,
  position bigint not null,
  action_id uuid not null,
  order_key text not null,
  attempts integer not null,
  rounds integer not null, -- how often it was set aside
  first_failed_at timestamptz,
  due_at timestamptz, -- null: behind an earlier one of its order key
  failure jsonb,
  rest text, -- the bucket of the event's other deliveries that are settled
  primary key (run_id, position, action_id)
);
create index waiting_delivery_due on waiting_delivery (run_id, lane, due_at);

create table dead_letter (
  id uuid primary key,
  run_id uuid not null references run,
  destination_id uuid not null references destination,
  action_id uuid not null,
  action_version integer not null,
  position bigint not null,
  error_class text not null,
  failure jsonb not null, -- {status, message, request, response}: bounded, secrets masked
  attempts integer not null,
  first_failed_at timestamptz not null,
  died_at timestamptz not null default now(),
  retried_by uuid references run,
  unique (run_id, position, action_id)
);
create index dead_letter_destination on dead_letter (destination_id, died_at);
create index dead_letter_position on dead_letter (destination_id, position);

-- An action has an event when its bit is set. One row per 8,192 positions, action and run.
create table coverage (
  action_id uuid not null,
  chunk bigint not null, -- position / 8192
  run bigint not null references run (number),
  bits bit(8192) not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (action_id, chunk, run)
);

-- Pace and budget as GCRA rows: the theoretical arrival time of the next event, in Postgres time.
create table budget (
  scope text primary key, -- 'run/<id>' or 'destination/<id>'
  next_at timestamptz not null,
  blocked_until timestamptz
);
