-- Addresses that are told of operator events, and how far the telling has come.
create table notification (
  id uuid primary key,
  name text not null,
  settings_sealed text not null, -- address and secret
  events text[], -- the types that it is told of; null: all
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  next_at timestamptz not null default clock_timestamp(), -- nothing is sent before
  failures integer not null default 0, -- in a row
  failing_since timestamptz,
  last_failure jsonb,
  last_delivered_at timestamptz,
  given_up bigint not null default 0, -- events that it was never told of
  last_given_up_at timestamptz,
  claim uuid, -- of the process that sends now
  claimed_until timestamptz
);
create index notification_created on notification (created_at, id);

-- What is still to be told to whom. Rows come with the event, in the transaction that makes it so. They do not refer to the
-- notification: a replay that pauses must neither wait for somebody who deletes one nor fail because of him.
create table notification_event (
  notification_id uuid not null,
  event_number bigint not null references operator_event,
  queued_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  first_tried_at timestamptz,
  primary key (notification_id, event_number)
);
create index notification_event_next on notification_event (notification_id, attempts, event_number);
create index notification_event_event on notification_event (event_number);

create function queue_notifications() returns trigger language plpgsql as $$
begin
  insert into notification_event (notification_id, event_number)
  select n.id, t.number from told t join notification n on n.events is null or t.type = any(n.events);
  return null;
end
$$;
create trigger operator_event_queued after insert on operator_event referencing new table as told for each statement
  execute function queue_notifications();
