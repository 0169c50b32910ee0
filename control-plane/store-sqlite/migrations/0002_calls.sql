-- Calls and what happened in them.

create table calls (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    carrier_sid text,
    number_id text,
    parent_id text,
    direction text not null check (direction in ('inbound', 'outbound')),
    from_number text not null,
    to_number text not null,
    assistant_id text not null,
    status text not null check (status in (
        'queued', 'initiated', 'ringing', 'in_progress', 'completed', 'busy', 'no_answer', 'failed', 'canceled'
    )),
    created_at integer not null,
    answered_at integer,
    ended_at integer,
    carrier_duration_s integer,
    streams integer not null,
    reconnects integer not null,
    transfer_to text,
    end_reason text,
    duration_ms integer,
    recording_ms integer,
    context text,
    answered_by text,
    price_micros integer,
    price_unit text,
    error text,
    outbound text,
    primary key (tenant_id, id),
    unique (tenant_id, carrier_sid)
) strict;
create index calls_newest on calls (tenant_id, created_at desc, id desc);
create index calls_live on calls (tenant_id, created_at desc, id desc)
    where status in ('queued', 'initiated', 'ringing', 'in_progress');

create table turns (
    tenant_id text not null,
    call_id text not null,
    number integer not null,
    epoch integer not null,
    caller text not null,
    assistant text not null,
    interrupted integer not null check (interrupted in (0, 1)),
    tools text not null,
    waterfall text not null,
    usage text not null,
    primary key (tenant_id, call_id, epoch),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
) strict;

create table call_events (
    tenant_id text not null,
    id text not null,
    call_id text not null,
    at integer not null,
    kind text not null,
    data text not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
) strict;
create index call_events_in_order on call_events (tenant_id, call_id, at, id);

create table journal_chunks (
    tenant_id text not null,
    call_id text not null,
    first_seq integer not null,
    entries text not null,
    primary key (tenant_id, call_id, first_seq),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
) strict;

-- Callers who wait.
create table queue_entries (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.call') virtual,
    parent text generated always as (body ->> '$.queue') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references queues (tenant_id, id)
) strict;
create index queue_entries_of_parent on queue_entries (tenant_id, parent, id);

-- Messages that callers left.
create table voicemails (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.recording_sid') virtual,
    parent text generated always as (body ->> '$.call') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references calls (tenant_id, id)
) strict;
create index voicemails_of_parent on voicemails (tenant_id, parent, id);

-- Recordings of calls.
create table recordings (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    body text not null,
    lookup text generated always as (body ->> '$.carrier_sid') virtual,
    parent text generated always as (body ->> '$.call') virtual,
    status text generated always as (body ->> '$.status') virtual,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references calls (tenant_id, id)
) strict;
create index recordings_of_parent on recordings (tenant_id, parent, id);
