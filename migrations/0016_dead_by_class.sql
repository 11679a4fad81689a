-- Dead letters of a replay by kind of failure, counted by the commit that writes them: counting 100,000 of them whenever
-- somebody reads the replay takes 18 ms. A stream may have any number, and nobody asks.

alter table lane add column dead_by_class jsonb not null default '{}';

update lane l set dead_by_class = died.by_class
from (
  select run_id, jsonb_object_agg(error_class, count) as by_class
  from (
    select d.run_id, d.error_class, count(*) as count
    from dead_letter d join run r on r.id = d.run_id and r.kind = 'replay'
    group by d.run_id, d.error_class
  ) counted group by run_id
) died
where l.run_id = died.run_id and l.lane = 0;
