-- Times are unix microseconds, ids are text, JSON is text, truth is 0 or 1.

create table tenants (
    id text not null primary key,
    name text not null,
    created_at integer not null
) strict;

create table api_keys (
    tenant_id text not null references tenants (id),
    id text not null,
    name text not null,
    hash text not null unique,
    created_at integer not null,
    primary key (tenant_id, id)
) strict;

create table calls (
    tenant_id text not null references tenants (id),
    id text not null,
    carrier_sid text not null,
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
    primary key (tenant_id, id),
    unique (tenant_id, carrier_sid)
) strict;

create index calls_newest on calls (tenant_id, created_at desc, id desc);

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

create table heartbeat (
    id integer not null primary key,
    at integer not null
) strict;
