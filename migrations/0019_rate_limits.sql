-- How many events a second are taken from a source, and the theoretical arrival time of its next one (GCRA).
alter table source add column events_per_second double precision check (events_per_second > 0);
alter table source add column next_event_at timestamptz;
