-- Leases that somebody holds: every delivery process looks at all of them once a second.
create index lane_held on lane (run_id, lane) where not lease_released;
