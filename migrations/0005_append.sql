-- The one way into the archive. Position order is commit order because every append holds one lock from before its
-- first statement's snapshot until after its commit.

-- Partition number n holds the positions from n * 4,194,304 on: event_p0, event_p1, ...
create table event_p0 partition of event for values from (0) to (4194304);

-- Makes a partition as a table of its own and attaches it: that takes no lock on `event` that readers or writers
-- would notice. Under somebody's ANALYZE or index build it waits only when there is no other way.
create function archive_add_partition(number bigint, needed_now boolean) returns void language plpgsql as $$
begin
  if needed_now then
    lock table event in share update exclusive mode;
  else
    lock table event in share update exclusive mode nowait;
  end if;
  execute format('create table %I (like event including all)', 'event_p' || number);
  execute format('alter table event attach partition %I for values from (%s) to (%s)',
    'event_p' || number, number * 4194304, (number + 1) * 4194304);
exception when lock_not_available then
  null; -- the next append tries again; half a partition is left until it must succeed
end
$$;

-- Sees to it that the positions from first_position to last_position have a partition, and the next half too.
create function archive_ensure_partitions(first_position bigint, last_position bigint) returns void
language plpgsql as $$
begin
  for number in first_position / 4194304 .. (last_position + 2097152) / 4194304 loop
    if to_regclass('event_p' || number) is null then
      perform archive_add_partition(number, number * 4194304 <= last_position);
    end if;
  end loop;
end
$$;

-- The archive's last position, 0 when it is empty. A function keeps the plan, which otherwise costs more than the look-up
-- when there are many partitions.
create function archive_head() returns bigint language plpgsql stable as $$
begin
  return coalesce((select position from event order by position desc limit 1), 0);
end
$$;

-- Appends events in the order given and says what became of them. Must run under READ COMMITTED: each statement
-- behind the lock then sees what committed before the lock was granted. An event whose key (source and messageId) was
-- seen within the window is not stored again: the same body is a duplicate, another one is kept as rejected.
create function archive_append(
  p_received_at timestamptz[], p_sent_at timestamptz[], p_timestamp timestamptz[], p_source_id uuid[],
  p_origin text[], p_type text[], p_name text[], p_user_id text[], p_anonymous_id text[], p_message_id text[],
  p_bucket integer[], p_live boolean[], p_integrations text[], p_raw text[], p_edits text[],
  p_key uuid[], p_body uuid[], p_reused_message text, p_window interval default interval '90 days',
  out head bigint, out appended integer, out duplicates integer, out conflicts integer
) language plpgsql volatile
-- The plans are cached while the tables are still small, so statistics must not choose them.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  last_taken bigint;
  positions bigint[]; -- null where an event is not stored
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'archive_append needs READ COMMITTED: an older snapshot would miss events';
  end if;
  perform pg_advisory_xact_lock(4712385);

  select case when is_called then last_value else 0 end into last_taken from event_position;
  select array_agg(case when is_new then last_taken + place end order by ordinal), count(*) filter (where is_new)
    into positions, appended
    from (
      select ordinal, is_new, count(*) filter (where is_new) over (order by ordinal) as place
      from (
        select ordinal, i.key is null and row_number() over (partition by k.key order by ordinal) = 1 as is_new
        from unnest(p_key) with ordinality as k (key, ordinal)
        left join event_identity i on i.key = k.key and i.received_at >= now() - p_window
      ) seen
    ) placed;

  if appended > 0 then
    perform archive_ensure_partitions(last_taken + 1, last_taken + appended);
    perform setval('event_position', last_taken + appended);
    insert into event_identity (key, body, position, received_at)
      select key, body, position, now() from unnest(p_key, p_body, positions) as k (key, body, position)
      where position is not null
      on conflict (key) do update
        set body = excluded.body, position = excluded.position, received_at = excluded.received_at;
    insert into event
      select position, received_at, sent_at, timestamp, source_id, origin, type, name, user_id, anonymous_id,
        message_id, bucket, live, integrations, raw, edits
      from unnest(positions, p_received_at, p_sent_at, p_timestamp, p_source_id, p_origin, p_type, p_name, p_user_id,
          p_anonymous_id, p_message_id, p_bucket, p_live, p_integrations, p_raw, p_edits)
        as e (position, received_at, sent_at, timestamp, source_id, origin, type, name, user_id,
          anonymous_id, message_id, bucket, live, integrations, raw, edits)
      where position is not null;
    head := last_taken + appended;
    perform pg_notify('event_appended', head::text);
  else
    head := archive_head();
  end if;

  conflicts := 0;
  if appended < cardinality(p_key) then
    insert into rejected_event (received_at, source_id, code, message, message_id, raw)
      select e.received_at, e.source_id, 'message_id_reused', p_reused_message, e.message_id, convert_to(e.raw, 'UTF8')
      from unnest(positions, p_key, p_body, p_received_at, p_source_id, p_message_id, p_raw)
        as e (position, key, body, received_at, source_id, message_id, raw)
      join event_identity i on i.key = e.key
      where e.position is null and i.body <> e.body;
    get diagnostics conflicts = row_count;
  end if;
  duplicates := cardinality(p_key) - appended - conflicts;
end
$$;
