-- A failure's request and answer, once two texts, become structures: what was sent, what came back.
create function structured_failure(failure jsonb) returns jsonb language sql immutable as $$
  select failure
    || case when jsonb_typeof(failure -> 'request') = 'string' then jsonb_build_object('request', jsonb_build_object(
        'method', split_part(failure ->> 'request', ' ', 1), 'url', split_part(failure ->> 'request', ' ', 2),
        'headers', '{}'::jsonb, 'body', '', 'bodyBytes', 0, 'deliveries', 1)) else '{}' end
    || case when jsonb_typeof(failure -> 'response') = 'string' then jsonb_build_object('response',
        jsonb_build_object('headers', '{}'::jsonb, 'body', failure ->> 'response')) else '{}' end
$$;
update dead_letter set failure = structured_failure(failure);
update waiting_delivery set failure = structured_failure(failure) where failure is not null;
drop function structured_failure(jsonb);
