-- People who are to be forgotten. Who it is stands in the row only while the work goes on; a hash is left of it.
create table deletion (
  id uuid primary key,
  user_id text,
  anonymous_id text,
  subject_hash bytea not null, -- SHA-256 of id, kind of id and the id itself: shows whom it was about to who knows him
  reason text,
  suppress boolean not null, -- the suppression stays in force afterwards
  suppression_id uuid not null references suppression,
  own_suppression boolean not null, -- nobody had suppressed him before
  revision bigint not null, -- from which of the suppressions on nothing of him is sent
  asked_by_id uuid,
  asked_by_name text not null,
  asked_at timestamptz not null default clock_timestamp(),
  heard_at timestamptz, -- when every live lease had confirmed the revision
  scanned_to bigint not null default 0, -- of the archive
  through_position bigint, -- every event of his up to here is gone
  deleted jsonb not null default '{}', -- rows by table, counted by the transactions that change them
  worker uuid, -- who does it now; one that has not renewed its claim for a while is gone
  renewed_at timestamptz,
  ended_at timestamptz,
  check (ended_at is not null or (user_id is null) <> (anonymous_id is null)),
  check (ended_at is null or (user_id is null and anonymous_id is null))
);
create index deletion_asked on deletion (asked_at, id);
create index deletion_open on deletion (asked_at) where ended_at is null;

-- What is left of a deleted event has no messageId. A sample of one says nothing but where it stood.
create function samples_without_deleted(samples jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(reason, (
    select coalesce(jsonb_agg(case when exists (
        select 1 from event where position = (sample ->> 'position')::bigint and message_id = '')
      then sample - 'message' else sample end order by place), '[]')
    from jsonb_array_elements(list) with ordinality as one (sample, place))), '{}')
  from jsonb_each(samples) as kind (reason, list)
$$;

-- A lane's holder has its samples in memory and would write them again.
create function lane_samples() returns trigger language plpgsql as $$
begin
  new.samples := samples_without_deleted(new.samples);
  return new;
end
$$;
create trigger lane_samples before update of samples on lane for each row
  when (new.samples is distinct from old.samples) execute function lane_samples();

-- A JSON document in which a person is called by another name, wherever it lists users.
create function person_renamed(document jsonb, person jsonb, pseudonym jsonb) returns jsonb language plpgsql immutable as $$
begin
  case jsonb_typeof(document)
    when 'object' then
      return (select coalesce(jsonb_object_agg(key, case
          when key = 'user' and value = person then pseudonym
          when key = 'users' and jsonb_typeof(value) = 'array' then (
            select coalesce(jsonb_agg(case when item = person then pseudonym else item end order by place), '[]')
            from jsonb_array_elements(value) with ordinality as one (item, place))
          else person_renamed(value, person, pseudonym) end), '{}') from jsonb_each(document));
    when 'array' then
      return (select coalesce(jsonb_agg(person_renamed(item, person, pseudonym) order by place), '[]')
        from jsonb_array_elements(document) with ordinality as one (item, place));
    else return document;
  end case;
end
$$;
