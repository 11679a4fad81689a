-- A retry may take up any number of dead letters: it marks them a few at a time, and its row says which until all are.

-- What a replay of failures takes up: {choice, lastLetter, heldBy}. Null once all of it is marked.
alter table run add column take_up jsonb;
create index run_take_up on run (destination_id) where take_up is not null;

-- Which letters there were at some moment, by no clock. Those of before have no number.
create sequence dead_letter_number;
select setval('dead_letter_number', 1);
alter table dead_letter add column number bigint;
alter table dead_letter alter column number set default nextval('dead_letter_number');

-- Letters of one kind in the order in which they are marked.
create index dead_letter_class_position on dead_letter (destination_id, error_class, position);
