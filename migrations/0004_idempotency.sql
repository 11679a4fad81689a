-- Answers to POSTs that carried an Idempotency-Key, kept for 24 hours.
create table idempotency_key (
  key text not null,
  route text not null,
  body_hash text not null,
  status integer, -- null: the first request is still under way
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (key, route)
);
