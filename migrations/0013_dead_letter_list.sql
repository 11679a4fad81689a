-- The list of all dead letters, newest first.
create index dead_letter_died on dead_letter (died_at, id);
