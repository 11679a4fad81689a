-- Looking dead letters up by what became of them.

create index dead_letter_retried_by on dead_letter (retried_by, position) where retried_by is not null;
create index dead_letter_class on dead_letter (destination_id, error_class, died_at, id);
create index dead_letter_run_class on dead_letter (run_id, error_class);
create index suppression_created on suppression (created_at, id);

-- A replay of failures is over the dead letters that it has marked, no longer over all of its destination.
update dead_letter d set retried_by = r.id from run r
  where r.mode = 'failed' and r.ended_at is null and d.destination_id = r.destination_id
    and d.position between r.from_position and r.to_position and d.retried_by is null;
update run set selection = selection - 'failedAt' || jsonb_build_object('retriedBy', id) where mode = 'failed';
