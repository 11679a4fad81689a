-- Whether it has been told that a destination fails at a good part of what it is sent.
alter table destination_alert add column failing boolean not null default false;
