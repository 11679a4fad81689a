-- What becomes of new events of suppressed users: archived and sent to nobody, or refused where they come in.
alter table source add column suppressed_users text not null default 'archive'
  check (suppressed_users in ('archive', 'refuse'));
