-- What is counted, remembered and waited for.

-- What was used, and what it costs in millionths of the currency's unit. One source tells of one use.
create table usage_log (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    source text not null,
    kind text not null,
    quantity_micros integer not null,
    unit text not null,
    cost_micros integer not null,
    currency text not null,
    estimated integer not null check (estimated in (0, 1)),
    call_id text,
    period_start integer not null,
    period_end integer not null,
    primary key (tenant_id, id),
    unique (tenant_id, source)
) strict;
create index usage_log_by_time on usage_log (tenant_id, period_start);
create index usage_log_of_call on usage_log (tenant_id, call_id, id);

-- When keys were used last; apart from the keys, so that using one changes no version.
create table key_uses (
    tenant_id text not null,
    key_id text not null,
    last_used_at integer not null,
    primary key (tenant_id, key_id),
    foreign key (tenant_id, key_id) references api_keys (tenant_id, id)
) strict;

-- Requests that must have their effect once, and their answers.
create table idempotency_keys (
    tenant_id text not null references tenants (tenant_id),
    key text not null,
    request_hash text not null,
    status integer,
    response text,
    expires_at integer not null,
    primary key (tenant_id, key)
) strict;

-- Who changed what. Only ever appended to: the database refuses everything else.
create table audit_log (
    tenant_id text not null references tenants (tenant_id),
    id text not null,
    at integer not null,
    actor_kind text not null check (actor_kind in ('user', 'key', 'system')),
    actor text not null,
    ip text,
    request_id text,
    action text not null,
    object text not null,
    before_body text,
    after_body text,
    primary key (tenant_id, id)
) strict;
create index audit_log_of_object on audit_log (tenant_id, object, id);
create trigger audit_log_is_not_changed before update on audit_log begin
    select raise(abort, 'the audit log is only appended to');
end;
create trigger audit_log_is_not_deleted before delete on audit_log begin
    select raise(abort, 'the audit log is only appended to');
end;

-- What waits for its time, over all tenants. It names things and holds nothing of them, so a worker may look at all of it;
-- for everything else it goes through the tenant.
create table work (
    kind text not null,
    tenant text not null references tenants (tenant_id),
    object text not null,
    due_at integer not null,
    lease text,
    lease_until integer,
    attempts integer not null,
    primary key (kind, tenant, object)
) strict;
create index work_due on work (kind, due_at);

-- Written to see whether the database can write.
create table heartbeat (
    id integer not null primary key,
    at integer not null
) strict;
