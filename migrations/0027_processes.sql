-- The processes of this deployment as they tell of themselves every few seconds: people see what runs in which version,
-- and a change of the secret key sees whether everybody knows the new one.
create table process (
  id uuid primary key,
  role text not null check (role in ('api', 'delivery', 'orchestration')),
  host text not null,
  pid integer not null,
  version text not null,
  -- Ids of the secret keys that it opens with, the one that it seals with first; empty: it opens nothing.
  key_ids text[] not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);

create index process_seen_at on process (seen_at);
