-- Where a destination keeps what it is sent, as people name it. Null: not stated.
alter table destination add column region text;
