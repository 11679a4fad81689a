-- A definition of the catalog has several kinds of actions; those with one kind need no name for it.
alter table action add column definition_action text;
