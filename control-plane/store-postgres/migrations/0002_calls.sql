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
    created_at bigint not null,
    answered_at bigint,
    ended_at bigint,
    carrier_duration_s bigint,
    streams bigint not null,
    reconnects bigint not null,
    transfer_to text,
    end_reason text,
    duration_ms bigint,
    recording_ms bigint,
    context text,
    answered_by text,
    price_micros bigint,
    price_unit text,
    error text,
    outbound text,
    primary key (tenant_id, id),
    unique (tenant_id, carrier_sid)
);
create index calls_newest on calls (tenant_id, created_at desc, id desc);
create index calls_live on calls (tenant_id, created_at desc, id desc)
    where status in ('queued', 'initiated', 'ringing', 'in_progress');

create table turns (
    tenant_id text not null,
    call_id text not null,
    number bigint not null,
    epoch bigint not null,
    caller text not null,
    assistant text not null,
    interrupted bigint not null check (interrupted in (0, 1)),
    tools text not null,
    waterfall text not null,
    usage text not null,
    primary key (tenant_id, call_id, epoch),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
);

create table call_events (
    tenant_id text not null,
    id text not null,
    call_id text not null,
    at bigint not null,
    kind text not null,
    data text not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
);
create index call_events_in_order on call_events (tenant_id, call_id, at, id);

create table journal_chunks (
    tenant_id text not null,
    call_id text not null,
    first_seq bigint not null,
    entries text not null,
    primary key (tenant_id, call_id, first_seq),
    foreign key (tenant_id, call_id) references calls (tenant_id, id)
);

-- Callers who wait.
create table queue_entries (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'call')) stored,
    parent text generated always as ((body::jsonb ->> 'queue')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references queues (tenant_id, id)
);
create index queue_entries_of_parent on queue_entries (tenant_id, parent, id);

-- Messages that callers left.
create table voicemails (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'recording_sid')) stored,
    parent text generated always as ((body::jsonb ->> 'call')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references calls (tenant_id, id)
);
create index voicemails_of_parent on voicemails (tenant_id, parent, id);

-- Recordings of calls.
create table recordings (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    body text not null,
    lookup text generated always as ((body::jsonb ->> 'carrier_sid')) stored,
    parent text generated always as ((body::jsonb ->> 'call')) stored,
    status text generated always as ((body::jsonb ->> 'status')) stored,
    primary key (tenant_id, id),
    unique (tenant_id, lookup),
    foreign key (tenant_id, parent) references calls (tenant_id, id)
);
create index recordings_of_parent on recordings (tenant_id, parent, id);
