-- Which identify calls a user has, for a replay that sends the newest state of a profile: the positions from the replay's
-- first one to the head of the archive, listed while it runs and dropped with its end.
create table replay_identify (
  run_id uuid not null references run (id),
  person bigint not null, -- hash of the order key
  position bigint not null,
  primary key (run_id, person, position)
);
-- Up to where a lane's users are listed.
create table replay_identify_reach (
  run_id uuid not null references run (id),
  lane smallint not null,
  listed_to bigint not null,
  primary key (run_id, lane)
);
