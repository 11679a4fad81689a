-- Who changed what. Rows are only ever added, each bound to the one before it by a hash, so that a row that was changed or
-- taken out later shows. A change through the API has two rows: one before it is done, one that tells how it ended.
create table audit_entry (
  number bigint primary key,
  at timestamptz not null,
  -- The row whose end this one tells; null: it tells a beginning, or all there is to tell.
  ends bigint unique references audit_entry (number),
  actor_id uuid,
  actor_name text not null,
  action text not null,
  resource text not null,
  request_id text,
  content jsonb not null,
  previous_hash bytea not null,
  hash bytea not null
);

-- SHA-256 of the hash before and of the row's members as a JSON array, its time in microseconds since 1970.
create function audit_hash(entry audit_entry) returns bytea language sql stable as $$
  select sha256(entry.previous_hash || convert_to(jsonb_build_array(
    entry.number, (extract(epoch from entry.at) * 1000000)::bigint, entry.ends, entry.actor_id, entry.actor_name,
    entry.action, entry.resource, entry.request_id, entry.content)::text, 'UTF8'))
$$;

-- One writer at a time, until its transaction ends: numbers have no gaps and follow the order of commits.
create function audit_chain() returns trigger language plpgsql as $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(4712386);
  select number, hash into last from audit_entry order by number desc limit 1;
  new.number := coalesce(last.number, 0) + 1;
  new.at := clock_timestamp();
  new.previous_hash := coalesce(last.hash, sha256(''));
  new.hash := audit_hash(new);
  return new;
end
$$;

create trigger audit_chain before insert on audit_entry for each row execute function audit_chain();

create function audit_refuses() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is only ever added to' using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_is_kept before update or delete on audit_entry for each row execute function audit_refuses();
create trigger audit_is_not_emptied before truncate on audit_entry for each statement execute function audit_refuses();
