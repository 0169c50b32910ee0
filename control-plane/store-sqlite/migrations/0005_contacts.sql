-- Contacts, what is written with them, and call flows.

-- Call flows, which several numbers may have.
create table flows (
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

-- People who talk to a tenant.
create table contacts (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (null) virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.lead_status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Where a contact is reached. An address is one contact's.
create table contact_addresses (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.kind') || ':' || (body ->> '$.address')) virtual,
    parent text generated always as (body ->> '$.contact') virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references contacts (tenant_id, id)
) strict;
create index contact_addresses_of_parent on contact_addresses (tenant_id, parent, id);

-- What is written between one of a tenant's numbers and somebody.
create table conversations (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.channel') || ':' || (body ->> '$.own_address') || ':' || (body ->> '$.address')) virtual,
    parent text generated always as (body ->> '$.address') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index conversations_of_parent on conversations (tenant_id, parent, id);

-- The messages of conversations, by the provider's id.
create table communications (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.provider') || ':' || (body ->> '$.provider_id')) virtual,
    parent text generated always as (body ->> '$.conversation') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references conversations (tenant_id, id)
) strict;
create index communications_of_parent on communications (tenant_id, parent, id);
