-- Messages that are sent and answered: attempts, batches, templates, consents, the board, teams, mailboxes, events. Under row-level
-- security as all that is a tenant's.

-- One conversation with each contact, over all channels. Those of before, one for each of the tenant's addresses, stay as they are
-- until something more is written in them.
alter index communications_of_parent rename to communications_of_before_of_parent;
alter index conversations_of_parent rename to conversations_of_before_of_parent;
alter table communications rename to communications_of_before;
alter table conversations rename to conversations_of_before;
alter table communications_of_before no force row level security;
alter table conversations_of_before no force row level security;
create table conversations (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (coalesce((body::jsonb ->> 'key'), (body::jsonb ->> 'channel') || ':' || (body::jsonb ->> 'own_address') || ':' || (body::jsonb ->> 'address'))) stored,
    parent text generated always as ((body::jsonb ->> 'address')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    assignee text generated always as (body::jsonb ->> 'assignee') stored,
    board_column text generated always as (body::jsonb ->> 'column') stored,
    last_message_at bigint generated always as (coalesce((body::jsonb ->> 'last_message_at')::bigint, 0)) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index conversations_of_parent on conversations (tenant_id, parent, id);
create index conversations_by_activity on conversations (tenant_id, last_message_at desc, id desc);
insert into conversations (tenant_id, id, version, created_at, updated_at, body)
    select tenant_id, id, version, created_at, updated_at, body from conversations_of_before;

-- Messages: those that came in, and those that are sent. One that is sent has an id of the provider once it has taken it.
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
    batch text generated always as (body::jsonb ->> 'batch') stored,
    address text generated always as (body::jsonb ->> 'address') stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references conversations (tenant_id, id)
);
create index communications_of_parent on communications (tenant_id, parent, id);
create index communications_of_batch on communications (tenant_id, batch, status, id) where batch is not null;
create index communications_with_address on communications (tenant_id, address, id) where address is not null;
create index communications_by_status on communications (tenant_id, status, id);
create index communications_by_time on communications (tenant_id, created_at);
insert into communications (tenant_id, id, version, created_at, updated_at, body)
    select tenant_id, id, version, created_at, updated_at, body from communications_of_before;
drop table communications_of_before;
drop table conversations_of_before;

-- Tries to hand a message to a provider.
create table communication_attempts (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'account') || ':' || (body::jsonb ->> 'provider_id')) stored,
    parent text generated always as ((body::jsonb ->> 'message')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references communications (tenant_id, id)
);
create index communication_attempts_of_parent on communication_attempts (tenant_id, parent, id);

-- Messages to many at once.
create table batches (
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

-- The recipients of a batch that have no message yet, some hundred in a row.
create table batch_chunks (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (null::text) stored,
    parent text generated always as ((body::jsonb ->> 'batch')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references batches (tenant_id, id)
);
create index batch_chunks_of_parent on batch_chunks (tenant_id, parent, id);

-- Texts with places to fill in.
create table templates (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'name')) stored,
    parent text generated always as ((body::jsonb ->> 'category')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index templates_of_parent on templates (tenant_id, parent, id);

-- Every state a template had.
create table template_versions (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'template') || ':' || (body::jsonb ->> 'number')) stored,
    parent text generated always as ((body::jsonb ->> 'template')) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references templates (tenant_id, id)
);
create index template_versions_of_parent on template_versions (tenant_id, parent, id);

-- Who wants to hear nothing more, or asked to, from a sender on a channel.
create table consents (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'channel') || ':' || (body::jsonb ->> 'sender') || ':' || (body::jsonb ->> 'address')) stored,
    parent text generated always as ((body::jsonb ->> 'address')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index consents_of_parent on consents (tenant_id, parent, id);

-- Where on the board conversations of a channel begin.
create table channel_chips (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'channel_id')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Columns of the board of conversations.
create table board_columns (
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

-- Answers that operators send often.
create table canned_replies (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'shortcut')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- Operators who share work.
create table teams (
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

-- How far a mailbox was read.
create table mailboxes (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'account')) stored,
    parent text generated always as (null::text) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);

-- How the accounts of the channels fare.
create table channel_health (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'account')) stored,
    parent text generated always as ((body::jsonb ->> 'channel')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index channel_health_of_parent on channel_health (tenant_id, parent, id);

-- What happened, for those who follow it.
create table tenant_events (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as (null::text) stored,
    parent text generated always as ((body::jsonb ->> 'kind')) stored,
    status text generated always as (null::text) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
);
create index tenant_events_of_parent on tenant_events (tenant_id, parent, id);

-- Work is taken from each tenant in turn; what has the same ordering, in the order in which it was made.
alter table work add column ordering text;
create index work_of_tenant on work (kind, tenant, due_at);
create index work_in_order on work (tenant, ordering, object) where ordering is not null;
-- Its rows come and go: what is dead must not lie in the way for long.
alter table work set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

do $$
declare name text;
begin
    foreach name in array array[
        'conversations', 'communications', 'communication_attempts', 'batches', 'batch_chunks', 'templates', 'template_versions', 'consents', 'channel_chips', 'board_columns', 'canned_replies', 'teams', 'mailboxes', 'channel_health', 'tenant_events'
    ] loop
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
