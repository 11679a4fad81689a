-- When a replay begins and in which hours it sends: {startAt?, startAtPassed?, timeZone, windows?}. What holds at a moment is
-- computed of it wherever it is asked, so nothing has to be written when a window opens or closes.
alter table run add column schedule jsonb;
