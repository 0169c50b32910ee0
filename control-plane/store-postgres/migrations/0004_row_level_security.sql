-- A tenant's rows are seen and written only by a unit of work of that tenant (`tandem.tenant`), whatever its queries say.
-- Forced, so that it holds for the owner too; the program works as `tandem_app`, which owns nothing.

do $$
declare name text;
begin
    foreach name in array array[
        'users', 'sessions', 'memberships', 'api_keys', 'data_keys', 'provider_accounts',
        'phone_numbers', 'business_hours', 'assistants', 'queues', 'prices', 'budgets',
        'webhook_endpoints', 'webhook_deliveries', 'inbound_events', 'jobs', 'health',
        'queue_entries', 'voicemails', 'recordings', 'calls', 'turns', 'call_events',
        'journal_chunks', 'usage_log', 'key_uses', 'idempotency_keys', 'audit_log'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy of_the_tenant on %I '
            'using (tenant_id = nullif(current_setting(''tandem.tenant'', true), '''')) '
            'with check (tenant_id = nullif(current_setting(''tandem.tenant'', true), ''''))',
            name
        );
    end loop;

    -- Who shows the hash of a key, a number, an account's sid or a user's id sees the rows with it, and learns whose they
    -- are. Nobody writes that way.
    foreach name in array array[
        'memberships', 'api_keys', 'provider_accounts', 'phone_numbers'
    ] loop
        execute format(
            'create policy of_who_shows_it on %I for select '
            'using (lookup = nullif(current_setting(''tandem.shown'', true), ''''))',
            name
        );
    end loop;
end
$$;

alter table tenants enable row level security;
alter table tenants force row level security;
create policy of_the_tenant on tenants
    using (current_setting('tandem.tenant', true) in (tenant_id, 'ten_00000000000000000000000000'))
    with check (current_setting('tandem.tenant', true) in (tenant_id, 'ten_00000000000000000000000000'));

grant select, insert, update, delete on all tables in schema public to tandem_app;
revoke update, delete on audit_log from tandem_app;
revoke all on _sqlx_migrations from tandem_app;
