-- A person gives up on deliveries that wait: a wish of the run, obeyed once nobody holds a lane of it.
alter table run add column give_up jsonb; -- {positions}: null there means all that has failed
alter table run add column gave_up jsonb; -- {deliveries}: what the last wish came to

-- Which process holds a lane: {token, host, pid}, of the lease whose token it has.
alter table lane add column lease_holder jsonb;
