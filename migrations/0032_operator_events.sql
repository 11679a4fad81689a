-- What an operator wants to hear of, written in the transaction that makes it so: told once, whatever dies.
create table operator_event (
  number bigint primary key generated always as identity,
  id uuid not null unique default gen_random_uuid(),
  type text not null,
  at timestamptz not null default clock_timestamp(),
  destination_id uuid not null references destination,
  run_id uuid references run,
  data jsonb not null,
  once text unique -- what is told once only
);
create index operator_event_at on operator_event (at);

create function tell_of_replay() returns trigger language plpgsql as $$
declare
  told text := case
    when new.ended_at is not null and old.ended_at is not null then null
    when new.ended_as = 'completed_with_failures' then 'replay.completed'
    when new.ended_at is not null then 'replay.' || new.ended_as
    when new.desired is not distinct from old.desired then null
    when new.desired = 'paused' then 'replay.paused'
    when new.desired = 'running' and old.desired = 'paused' then 'replay.resumed'
    when new.desired = 'running' then 'replay.started'
  end;
begin
  if told is not null then
    insert into operator_event (type, destination_id, run_id, data)
    values (told, new.destination_id, new.id,
      jsonb_build_object('reason', case when told not in ('replay.started', 'replay.resumed') then new.status_reason end)
      || case when told = 'replay.completed'
        then jsonb_build_object('withFailures', new.ended_as = 'completed_with_failures') else '{}' end);
  end if;
  return null;
end
$$;
create trigger run_told_of after insert or update of desired, ended_at on run for each row
  when (new.kind = 'replay') execute function tell_of_replay();

create function tell_of_disabled() returns trigger language plpgsql as $$
begin
  insert into operator_event (type, destination_id, data)
  values ('destination.disabled', new.id, jsonb_build_object('reason', new.disabled_reason));
  return null;
end
$$;
create trigger destination_told_of after update of enabled on destination for each row
  when (old.enabled and not new.enabled and new.disabled_reason is not null and new.deleted_at is null)
  execute function tell_of_disabled();

-- A kind of failure is told of once a day and run. In one order, as lanes of a run may tell of the same at a time.
create function tell_of_exhausted() returns trigger language plpgsql as $$
begin
  insert into operator_event (type, destination_id, run_id, data, once)
  select 'delivery.exhausted', destination_id, run_id, jsonb_build_object('reason', error_class),
    'exhausted ' || run_id || ' ' || error_class || ' ' || (now() at time zone 'UTC')::date as once
  from died group by destination_id, run_id, error_class order by once
  on conflict (once) do nothing;
  return null;
end
$$;
create trigger dead_letter_told_of after insert on dead_letter referencing new table as died for each statement
  execute function tell_of_exhausted();

-- What has been told of a destination's health, and since when it is otherwise.
create table destination_alert (
  destination_id uuid primary key references destination,
  down boolean not null default false,
  reason text,
  differs_since timestamptz
);
