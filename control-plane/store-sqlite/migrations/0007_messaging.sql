-- Messages that are sent and answered: attempts, batches, templates, consents, the board, teams, mailboxes, events.

-- One conversation with each contact, over all channels. Those of before, one for each of the tenant's addresses, stay as they are
-- until something more is written in them.
drop index communications_of_parent;
drop index conversations_of_parent;
alter table communications rename to communications_of_before;
alter table conversations rename to conversations_of_before;
create table conversations (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (coalesce((body ->> '$.key'), (body ->> '$.channel') || ':' || (body ->> '$.own_address') || ':' || (body ->> '$.address'))) virtual,
    parent text generated always as (body ->> '$.address') virtual,
    status text generated always as (body ->> '$.status') virtual,
    assignee text generated always as (body ->> '$.assignee') virtual,
    board_column text generated always as (body ->> '$.column') virtual,
    last_message_at integer generated always as (coalesce(body ->> '$.last_message_at', 0)) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index conversations_of_parent on conversations (tenant_id, parent, id);
create index conversations_by_activity on conversations (tenant_id, last_message_at desc, id desc);
insert into conversations (tenant_id, id, version, created_at, updated_at, body)
    select tenant_id, id, version, created_at, updated_at, body from conversations_of_before;

-- Messages: those that came in, and those that are sent. One that is sent has an id of the provider once it has taken it.
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
    batch text generated always as (body ->> '$.batch') virtual,
    address text generated always as (body ->> '$.address') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references conversations (tenant_id, id)
) strict;
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
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.account') || ':' || (body ->> '$.provider_id')) virtual,
    parent text generated always as (body ->> '$.message') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references communications (tenant_id, id)
) strict;
create index communication_attempts_of_parent on communication_attempts (tenant_id, parent, id);

-- Messages to many at once.
create table batches (
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

-- The recipients of a batch that have no message yet, some hundred in a row.
create table batch_chunks (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (null) virtual,
    parent text generated always as (body ->> '$.batch') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references batches (tenant_id, id)
) strict;
create index batch_chunks_of_parent on batch_chunks (tenant_id, parent, id);

-- Texts with places to fill in.
create table templates (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.name') virtual,
    parent text generated always as (body ->> '$.category') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index templates_of_parent on templates (tenant_id, parent, id);

-- Every state a template had.
create table template_versions (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.template') || ':' || (body ->> '$.number')) virtual,
    parent text generated always as (body ->> '$.template') virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references templates (tenant_id, id)
) strict;
create index template_versions_of_parent on template_versions (tenant_id, parent, id);

-- Who wants to hear nothing more, or asked to, from a sender on a channel.
create table consents (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as ((body ->> '$.channel') || ':' || (body ->> '$.sender') || ':' || (body ->> '$.address')) virtual,
    parent text generated always as (body ->> '$.address') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index consents_of_parent on consents (tenant_id, parent, id);

-- Where on the board conversations of a channel begin.
create table channel_chips (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.channel_id') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Columns of the board of conversations.
create table board_columns (
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

-- Answers that operators send often.
create table canned_replies (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.shortcut') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- Operators who share work.
create table teams (
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

-- How far a mailbox was read.
create table mailboxes (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.account') virtual,
    parent text generated always as (null) virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;

-- How the accounts of the channels fare.
create table channel_health (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.account') virtual,
    parent text generated always as (body ->> '$.channel') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index channel_health_of_parent on channel_health (tenant_id, parent, id);

-- What happened, for those who follow it.
create table tenant_events (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (null) virtual,
    parent text generated always as (body ->> '$.kind') virtual,
    status text generated always as (null) virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup)
) strict;
create index tenant_events_of_parent on tenant_events (tenant_id, parent, id);

-- Work is taken from each tenant in turn; what has the same ordering, in the order in which it was made.
alter table work add column ordering text;
create index work_of_tenant on work (kind, tenant, due_at);
create index work_in_order on work (tenant, ordering, object) where ordering is not null;
