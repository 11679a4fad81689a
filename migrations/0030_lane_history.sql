-- How the counts of a lane stood at the end of each minute in which they changed. What happened in a period is the
-- difference of two rows, so the periods of a run always add up to its counts, and any row between two others can go.
create table lane_history (
  run_id uuid not null,
  lane smallint not null,
  minute timestamptz not null,
  counts jsonb not null,
  ahead jsonb not null,
  primary key (run_id, lane, minute),
  foreign key (run_id, lane) references lane
);
create index lane_history_minute on lane_history (minute);

-- A trigger, so that it is written by whatever changes the counts, in the same transaction. A clock that is set back
-- makes no earlier row: the last one always is the lane as it stands.
create function note_lane_history() returns trigger language plpgsql as $$
begin
  insert into lane_history as known (run_id, lane, minute, counts, ahead)
  values (new.run_id, new.lane,
    greatest(date_trunc('minute', clock_timestamp()),
      (select max(h.minute) from lane_history h where h.run_id = new.run_id and h.lane = new.lane)),
    new.counts, new.ahead)
  on conflict (run_id, lane, minute) do update set counts = excluded.counts, ahead = excluded.ahead;
  return null;
end
$$;
create trigger lane_history_counts after update of counts, ahead on lane for each row
  when (old.counts is distinct from new.counts or old.ahead is distinct from new.ahead)
  execute function note_lane_history();

-- What was counted before there was a history is told as of the last commit.
insert into lane_history
select l.run_id, l.lane, date_trunc('minute', coalesce(l.lease_renewed_at, r.created_at)), l.counts, l.ahead
from lane l join run r on r.id = l.run_id where l.counts <> '{}' or l.ahead <> '{}';
