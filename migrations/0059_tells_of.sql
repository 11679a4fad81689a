-- A failure, or a sample, of a request that carried several events notes each of them (`tellsOf`): their positions from
-- the lowest on, the first as it is, each other one as its distance from the one before.
create function positions_of(tells_of text) returns setof bigint language sql immutable rows 100 as $$
  select sum(step::bigint) over (order by place)::bigint
  from unnest(string_to_array(tells_of, ' ')) with ordinality as one (step, place)
$$;

-- Of an event that is deleted nothing is left, and one that retention dropped may have been anybody's.
create function any_gone(tells_of text) returns boolean language sql stable as $$
  select exists (
    select 1 from positions_of(tells_of) as of(position)
    where not exists (select 1 from event e where e.position = of.position and e.message_id <> ''))
$$;

-- What was kept before the events were noted may tell of anybody.
create or replace function failure_tells_of_deleted(failure jsonb) returns boolean language sql stable as $$
  select case
    when failure ? 'tellsOf' then any_gone(failure ->> 'tellsOf')
    else coalesce((failure -> 'request' ->> 'deliveries')::bigint > 1, false)
  end
$$;

-- Of such a sample nobody knows whether its event was alone: `unnoted` says so until it is emptied.
create or replace function samples_without_deleted(samples jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(reason, (
    select coalesce(jsonb_agg(case
        when sample ? 'message' and (sample ? 'unnoted' or sample ? 'between'
          or any_gone(coalesce(sample ->> 'tellsOf', sample ->> 'position')))
        then sample - '{message,tellsOf,between,unnoted}'::text[] else sample end order by place), '[]')
    from jsonb_array_elements(list) with ordinality as one (sample, place))), '{}')
  from jsonb_each(samples) as kind (reason, list)
$$;

alter table lane disable trigger lane_samples;
update lane set samples = (
  select jsonb_object_agg(reason, (
    select coalesce(jsonb_agg(case when sample ? 'message' then sample || '{"unnoted": true}' else sample end order by place), '[]')
    from jsonb_array_elements(list) with ordinality as one (sample, place)))
  from jsonb_each(samples) as kind (reason, list))
where samples <> '{}';
alter table lane enable trigger lane_samples;

-- People who were deleted before: what was kept of anybody is emptied now, as no later deletion would look for them.
create function failure_left(failure jsonb) returns jsonb language sql immutable as $$
  select jsonb_strip_nulls(jsonb_build_object('errorClass', failure -> 'errorClass', 'status', failure -> 'status',
    'at', failure -> 'at', 'message', 'Deleted: it named somebody who is forgotten.'))
$$;
update dead_letter set failure = failure_left(failure)
where exists (select 1 from deletion) and failure_tells_of_deleted(failure);
update waiting_delivery set failure = failure_left(failure)
where exists (select 1 from deletion) and failure_tells_of_deleted(failure);
update lane set samples = samples_without_deleted(samples)
where exists (select 1 from deletion) and samples <> '{}';

-- Up to where retention has emptied what was kept of the neighbours of events that it dropped.
alter table retention add column emptied_below bigint not null default 1;
