-- Words by which people find a replay again, and what they want to remember of it.
alter table run add column labels text[] not null default '{}';
alter table run add column note text;
