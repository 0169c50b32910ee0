-- Those who run the platform see how the providers of all tenants are, the worst first, and whoever asks the providers finds
-- those that are due without going through every tenant. The platform reads; nobody writes that way.
alter table health add column due_at bigint not null
    generated always as (coalesce((body::jsonb ->> 'due_at')::bigint, 0)) stored;
create index health_due on health (tenant_id, due_at);
create index health_worst_first on health (
    (case status when 'down' then 0 when 'degraded' then 1 when 'healthy' then 2 else 3 end), tenant_id, id
);
create policy of_the_platform on health for select
    using (current_setting('tandem.tenant', true) = 'ten_00000000000000000000000000');
