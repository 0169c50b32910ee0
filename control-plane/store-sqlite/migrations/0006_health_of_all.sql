-- Those who run the platform see how the providers of all tenants are, the worst first, and whoever asks the providers finds
-- those that are due without going through every tenant.
alter table health add column due_at integer generated always as (coalesce(body ->> '$.due_at', 0)) virtual;
create index health_due on health (tenant_id, due_at);
create index health_worst_first on health (
    (case status when 'down' then 0 when 'degraded' then 1 when 'healthy' then 2 else 3 end), tenant_id, id
);
