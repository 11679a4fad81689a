-- A destination may have a filter of its own, in FQL; null takes every event. Events that it does not take are counted as
-- filtered, so it is no part of what a stream selects, but it is pinned with it.
alter table destination add column filter text;
