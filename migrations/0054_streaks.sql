-- What a lane knows of failures of one kind without a success between them, for whoever takes it next: of each kind its
-- name, whether the destination refused, and the positions of the events. Whose they are stands in the archive.
alter table lane add column streaks jsonb not null default '[]';
