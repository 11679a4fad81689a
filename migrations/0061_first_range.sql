-- The range that a replay was first asked for, once it was given another one; null: its request still has it.
alter table run add column first_range jsonb;
