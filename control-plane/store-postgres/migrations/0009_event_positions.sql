-- What happened is told to those who follow in one order. An event gets its place in it after it counts, when somebody follows or
-- before it is forgotten: units of work that run at the same time end in another order than the one in which they made their ids.
drop index tenant_events_of_parent;
alter table tenant_events drop column lookup;
alter table tenant_events add column lookup text generated always as ((body::jsonb ->> 'event')) stored;
alter table tenant_events add unique (tenant_id, lookup);
alter table tenant_events add column position bigint;
create unique index tenant_events_by_position on tenant_events (tenant_id, position) where position is not null;
create index tenant_events_without_position on tenant_events (tenant_id, id) where position is null;

-- The place that was given last.
create table event_positions (
    tenant_id text primary key references tenants (tenant_id),
    last bigint not null
);
alter table event_positions enable row level security;
alter table event_positions force row level security;
create policy of_the_tenant on event_positions
    using (tenant_id = nullif(current_setting('tandem.tenant', true), ''))
    with check (tenant_id = nullif(current_setting('tandem.tenant', true), ''));
grant select, insert, update, delete on event_positions to tandem_app;
