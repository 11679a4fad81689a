-- Which process holds how many of the requests that an account bears at once.

alter table budget add column holders jsonb not null default '{}';
