-- Who fetches new OAuth tokens of a destination: one process at a time, and after a failure nobody for a while.
create table token_refresh (
  destination_id uuid primary key references destination (id) on delete cascade,
  holder uuid, -- null: the last one failed, for the reason in message
  claimed_until timestamptz not null,
  message text
);
