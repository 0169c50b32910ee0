-- Times are unix microseconds, ids are text, JSON is text, truth is 0 or 1.
--
-- Resources: each table has the same columns. `version` counts changes from 1. `lookup`, `parent` and `status` are taken out
-- of the body by the database, which compares and constrains them; what each means stands at its type in store/src/model.
-- Row-level security and grants are in the last migration.

-- Who is served. A tenant's row is its own; the platform's unit of work reaches all of them.
create table tenants (
    tenant_id text not null unique,
    id text not null check (id = tenant_id),
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'slug')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (lookup)
);

-- The platform itself, so that what belongs to no tenant has a place.
insert into tenants (tenant_id, id, version, created_at, updated_at, body) values (
    'ten_00000000000000000000000000', 'ten_00000000000000000000000000', 1, 0, 0,
    '{"name":"Platform","slug":"platform","status":"active"}'
);

-- People. Of the platform only.
create table users (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'email')) stored,
    parent text generated always as ((body::jsonb ->> 'openid_subject')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index users_of_parent on users (tenant_id, parent, id);

-- Sessions of users. Of the platform only.
create table sessions (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'token_hash')) stored,
    parent text generated always as ((body::jsonb ->> 'user')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references users (tenant_id, id)
);
create index sessions_of_parent on sessions (tenant_id, parent, id);

-- Users' parts in tenants.
create table memberships (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'user')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'role')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index memberships_shown on memberships (lookup) include (tenant_id, id);

-- Keys for the API, by their hash.
create table api_keys (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'hash')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create unique index api_keys_shown on api_keys (lookup) include (tenant_id, id);

-- Data keys, wrapped. One of a tenant seals.
create table data_keys (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (case when (body::jsonb ->> 'status') = 'active' then 'active' end) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Accounts at providers.
create table provider_accounts (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'sid')) stored,
    parent text generated always as ((body::jsonb ->> 'kind')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index provider_accounts_of_parent on provider_accounts (tenant_id, parent, id);
create index provider_accounts_shown on provider_accounts (lookup) include (tenant_id, id);

-- Phone numbers. An active one is of one tenant only.
create table phone_numbers (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (case when (body::jsonb ->> 'status') = 'active' then (body::jsonb ->> 'e164') end) stored,
    parent text generated always as ((body::jsonb ->> 'account')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references provider_accounts (tenant_id, id)
);
create index phone_numbers_of_parent on phone_numbers (tenant_id, parent, id);
create unique index phone_numbers_shown on phone_numbers (lookup) include (tenant_id, id);
create unique index phone_numbers_one_primary on phone_numbers (tenant_id) where status = 'active' and (body::jsonb ->> 'primary') = 'true';

-- When a tenant is open.
create table business_hours (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'name')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Who answers.
create table assistants (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'name')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Queues of callers.
create table queues (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'name')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Prices, from some time on. Of the platform only.
create table prices (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'provider') || ':' || (body::jsonb ->> 'country') || ':' || (body::jsonb ->> 'kind') || ':' || (body::jsonb ->> 'unit') || ':' || (body::jsonb ->> 'effective_from')) stored,
    parent text generated always as ((body::jsonb ->> 'provider')) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index prices_of_parent on prices (tenant_id, parent, id);

-- What a tenant wants to spend.
create table budgets (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'name')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Where a tenant wants to be told.
create table webhook_endpoints (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (null::text) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- What it is told.
create table webhook_deliveries (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'endpoint') || ':' || (body::jsonb ->> 'event')) stored,
    parent text generated always as ((body::jsonb ->> 'endpoint')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references webhook_endpoints (tenant_id, id)
);
create index webhook_deliveries_of_parent on webhook_deliveries (tenant_id, parent, id);

-- What providers told us, once.
create table inbound_events (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'source') || ':' || (body::jsonb ->> 'dedupe_key')) stored,
    parent text generated always as ((body::jsonb ->> 'source')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index inbound_events_of_parent on inbound_events (tenant_id, parent, id);

-- Work that outlives the process.
create table jobs (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'key')) stored,
    parent text generated always as ((body::jsonb ->> 'subject')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index jobs_of_parent on jobs (tenant_id, parent, id);

-- How providers are.
create table health (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'subject')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
