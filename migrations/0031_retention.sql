-- How long the archive keeps events by the time at which they were received, and from where on it does.
create table retention (
  single boolean primary key default true check (single),
  days integer check (days > 0), -- null: for ever
  kept_from bigint not null default 1, -- the first position that may still be there
  kept_since timestamptz, -- everything that is gone was received before; null: nothing is gone
  changed_at timestamptz
);
insert into retention default values;

-- What a replay was asked for and could not reach any more when it was made: {toPosition, before}.
alter table run add column unreachable jsonb;
