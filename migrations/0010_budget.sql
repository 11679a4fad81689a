-- The time of an account, shared by its stream and its replay: who may take the next block of it.

alter table budget add column revision bigint not null default 0; -- a writer changes only what he has read
alter table budget add column stream_until timestamptz; -- until then the stream has more to send than it was given
alter table budget add column replay_at timestamptz; -- while it has: when its replay may take another block
alter table budget add column learnt jsonb; -- the rate that the account has taught by a 429
