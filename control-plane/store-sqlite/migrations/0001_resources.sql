-- Times are unix microseconds, ids are text, JSON is text, truth is 0 or 1.
--
-- Resources: each table has the same columns. `version` counts changes from 1. `lookup`, `parent` and `status` are taken out
-- of the body by the database, which compares and constrains them; what each means stands at its type in store/src/model.

-- Who is served. A tenant's row is its own; the platform's unit of work reaches all of them.
create table tenants (
    tenant_id text not null unique,
    id text not null check (id = tenant_id),
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.slug') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (lookup)
) strict;

-- The platform itself, so that what belongs to no tenant has a place.
insert into tenants (tenant_id, id, version, created_at, updated_at, body) values (
    'ten_00000000000000000000000000', 'ten_00000000000000000000000000', 1, 0, 0,
    '{"name":"Platform","slug":"platform","status":"active"}'
);

-- People. Of the platform only.
create table users (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.email') virtual,
    parent text generated always as (body ->> '$.openid_subject') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index users_of_parent on users (tenant_id, parent, id);

-- Sessions of users. Of the platform only.
create table sessions (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.token_hash') virtual,
    parent text generated always as (body ->> '$.user') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references users (tenant_id, id)
) strict;
create index sessions_of_parent on sessions (tenant_id, parent, id);

-- Users' parts in tenants.
create table memberships (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.user') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.role') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index memberships_shown on memberships (lookup);

-- Keys for the API, by their hash.
create table api_keys (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.hash') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create unique index api_keys_shown on api_keys (lookup);

-- Data keys, wrapped. One of a tenant seals.
create table data_keys (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (case when body ->> '$.status' = 'active' then 'active' end) virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Accounts at providers.
create table provider_accounts (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.sid') virtual,
    parent text generated always as (body ->> '$.kind') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index provider_accounts_of_parent on provider_accounts (tenant_id, parent, id);
create index provider_accounts_shown on provider_accounts (lookup);

-- Phone numbers. An active one is of one tenant only.
create table phone_numbers (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (case when body ->> '$.status' = 'active' then body ->> '$.e164' end) virtual,
    parent text generated always as (body ->> '$.account') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references provider_accounts (tenant_id, id)
) strict;
create index phone_numbers_of_parent on phone_numbers (tenant_id, parent, id);
create unique index phone_numbers_shown on phone_numbers (lookup);
create unique index phone_numbers_one_primary on phone_numbers (tenant_id) where status = 'active' and body ->> '$.primary' = 1;

-- When a tenant is open.
create table business_hours (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.name') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Who answers.
create table assistants (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.name') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Queues of callers.
create table queues (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.name') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Prices, from some time on. Of the platform only.
create table prices (
    tenant_id text not null references tenants (tenant_id) check (tenant_id = 'ten_00000000000000000000000000'),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.provider') || ':' || (body ->> '$.country') || ':' || (body ->> '$.kind') || ':' || (body ->> '$.unit') || ':' || (body ->> '$.effective_from')) virtual,
    parent text generated always as (body ->> '$.provider') virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index prices_of_parent on prices (tenant_id, parent, id);

-- What a tenant wants to spend.
create table budgets (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.name') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Where a tenant wants to be told.
create table webhook_endpoints (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (null) virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- What it is told.
create table webhook_deliveries (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.endpoint') || ':' || (body ->> '$.event')) virtual,
    parent text generated always as (body ->> '$.endpoint') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references webhook_endpoints (tenant_id, id)
) strict;
create index webhook_deliveries_of_parent on webhook_deliveries (tenant_id, parent, id);

-- What providers told us, once.
create table inbound_events (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.source') || ':' || (body ->> '$.dedupe_key')) virtual,
    parent text generated always as (body ->> '$.source') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index inbound_events_of_parent on inbound_events (tenant_id, parent, id);

-- Work that outlives the process.
create table jobs (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.key') virtual,
    parent text generated always as (body ->> '$.subject') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index jobs_of_parent on jobs (tenant_id, parent, id);

-- How providers are.
create table health (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.subject') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
