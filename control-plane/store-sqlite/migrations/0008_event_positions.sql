-- What happened is told to those who follow in one order. An event gets its place in it after it counts, when somebody follows or
-- before it is forgotten: units of work that run at the same time end in another order than the one in which they made their ids.
-- Nothing wrote to this table before.
drop table tenant_events;
create table tenant_events (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.event') virtual,
    parent text generated always as (body ->> '$.kind') virtual,
    status text generated always as (null) virtual,
    position integer,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create unique index tenant_events_by_position on tenant_events (tenant_id, position) where position is not null;
create index tenant_events_without_position on tenant_events (tenant_id, id) where position is null;

-- The place that was given last.
create table event_positions (
    tenant_id text not null primary key references tenants (tenant_id),
    last integer not null
) strict;
