-- Counts the units of work that changed what a tenant's calls are answered by, so that a copy of it can be told from a
-- stale one by reading one row.
alter table tenants add column changes bigint not null default 0;
