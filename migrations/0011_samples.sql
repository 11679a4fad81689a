-- The first few events of each reason for which a lane sent nothing: {reason: [{position, message}]}.
alter table lane add column samples jsonb not null default '{}';
