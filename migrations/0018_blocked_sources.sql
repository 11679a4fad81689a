-- Since when nothing is taken from a source; its keys and its events stay as they are.
alter table source add column blocked_at timestamptz;
