-- What keeps a replay from doing harm: canaries, brakes, and users to whom nothing may be sent.

alter table run add column canary jsonb; -- {events, then}: the first events of a replay, and what follows them
alter table run add column canary_passed boolean not null default false;
alter table run add column brakes_released text[] not null default '{}'; -- brakes that a person has resumed past

alter table lane drop constraint lane_state_check;
alter table lane add constraint lane_state_check
  check (state in ('ready', 'held', 'waiting', 'parked', 'canary', 'done')); -- canary: its share of the first is sent

-- Nothing is sent to these users, by streams and replays alike. A row is lifted, never deleted, so that a holder that
-- knows everything up to one revision learns the rest by reading on from there.
create table suppression (
  id uuid primary key,
  user_id text,
  anonymous_id text,
  reason text,
  revision bigint not null unique,
  created_at timestamptz not null default now(),
  lifted_at timestamptz,
  check ((user_id is null) <> (anonymous_id is null))
);
create unique index suppression_user on suppression (user_id) where lifted_at is null;
create unique index suppression_anonymous on suppression (anonymous_id) where lifted_at is null;

-- One row: each change of suppressions takes its lock, so that revisions rise in the order of commits.
create table suppression_revision (
  single boolean primary key default true check (single),
  revision bigint not null
);
insert into suppression_revision (revision) values (0);

alter table lane add column suppression_revision bigint not null default 0; -- what the lane's holder has confirmed
