-- What is kept of a request that carried several events, and of its answer, may tell of each of them, whether it names
-- anybody or not: a body is cut, and a mapping may send an address and no id. It notes between which positions its events
-- lie (`between`); what was kept before that was noted may tell of anybody.
create function failure_tells_of_deleted(failure jsonb) returns boolean language sql stable as $$
  select case
    when failure ? 'between' then exists (
      select 1 from event
      where position between (failure -> 'between' ->> 0)::bigint and (failure -> 'between' ->> 1)::bigint
        and message_id = '')
    else coalesce((failure -> 'request' ->> 'deliveries')::bigint > 1, false)
  end
$$;

create or replace function samples_without_deleted(samples jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(reason, (
    select coalesce(jsonb_agg(case when exists (
        select 1 from event
        where position between coalesce((sample -> 'between' ->> 0)::bigint, (sample ->> 'position')::bigint)
            and coalesce((sample -> 'between' ->> 1)::bigint, (sample ->> 'position')::bigint)
          and message_id = '')
      then sample - 'message' - 'between' else sample end order by place), '[]')
    from jsonb_array_elements(list) with ordinality as one (sample, place))), '{}')
  from jsonb_each(samples) as kind (reason, list)
$$;
