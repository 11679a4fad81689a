-- Answers to POSTs that carried an Idempotency-Key, kept for 24 hours. A row commits together with what its request
-- made; a request that is still under way holds an advisory lock instead of a row.
create table idempotency_key (
  key text not null,
  route text not null,
  body_hash text not null,
  status integer not null,
  answer_sealed text not null, -- sealed because an answer may show a secret, once
  created_at timestamptz not null default now(),
  primary key (key, route)
);
