-- A person paused a planned replay before it began: it does not begin, whatever its schedule says, until it is resumed.
alter table run add column held_back boolean not null default false;

create or replace function tell_of_replay() returns trigger language plpgsql as $$
declare
  told text := case
    when new.ended_at is not null and old.ended_at is not null then null
    when new.ended_as = 'completed_with_failures' then 'replay.completed'
    when new.ended_at is not null then 'replay.' || new.ended_as
    when new.held_back and not old.held_back then 'replay.paused'
    when not new.held_back and old.held_back then 'replay.resumed'
    when new.desired is not distinct from old.desired then null
    when new.desired = 'paused' then 'replay.paused'
    when new.desired = 'running' and old.desired = 'paused' then 'replay.resumed'
    when new.desired = 'running' then 'replay.started'
  end;
begin
  if told is not null then
    insert into operator_event (type, destination_id, run_id, data)
    values (told, new.destination_id, new.id,
      jsonb_build_object('reason', case
        when told in ('replay.started', 'replay.resumed') then null
        when new.held_back and new.ended_at is null then 'before_start'
        else new.status_reason end)
      || case when told = 'replay.completed'
        then jsonb_build_object('withFailures', new.ended_as = 'completed_with_failures') else '{}' end);
  end if;
  return null;
end
$$;

drop trigger run_told_of on run;
create trigger run_told_of after insert or update of desired, held_back, ended_at on run for each row
  when (new.kind = 'replay') execute function tell_of_replay();
