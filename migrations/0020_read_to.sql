-- How far a lane's holder had read: the next one tells nothing of it until he has read as far again.
alter table lane add column read_to bigint not null default 0;
