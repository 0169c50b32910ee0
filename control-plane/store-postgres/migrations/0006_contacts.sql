-- Contacts, what is written with them, and call flows. Under row-level security as all that is a tenant's.

-- Call flows, which several numbers may have.
create table flows (
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

-- People who talk to a tenant.
create table contacts (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (null::text) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'lead_status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Where a contact is reached. An address is one contact's.
create table contact_addresses (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'kind') || ':' || (body::jsonb ->> 'address')) stored,
    parent text generated always as ((body::jsonb ->> 'contact')) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references contacts (tenant_id, id)
);
create index contact_addresses_of_parent on contact_addresses (tenant_id, parent, id);

-- What is written between one of a tenant's numbers and somebody.
create table conversations (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'channel') || ':' || (body::jsonb ->> 'own_address') || ':' || (body::jsonb ->> 'address')) stored,
    parent text generated always as ((body::jsonb ->> 'address')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index conversations_of_parent on conversations (tenant_id, parent, id);

-- The messages of conversations, by the provider's id.
create table communications (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'provider') || ':' || (body::jsonb ->> 'provider_id')) stored,
    parent text generated always as ((body::jsonb ->> 'conversation')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references conversations (tenant_id, id)
);
create index communications_of_parent on communications (tenant_id, parent, id);

do $$
declare name text;
begin
    foreach name in array array['flows', 'contacts', 'contact_addresses', 'conversations', 'communications'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy of_the_tenant on %I '
            'using (tenant_id = nullif(current_setting(''tandem.tenant'', true), '''')) '
            'with check (tenant_id = nullif(current_setting(''tandem.tenant'', true), ''''))',
            name
        );
        execute format('grant select, insert, update, delete on %I to tandem_app', name);
    end loop;
end
$$;
