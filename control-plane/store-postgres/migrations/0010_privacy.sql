-- What is kept of people ends: on their wish, and when its time is over.

-- The audit log is only appended to, but for what a line says of a person who was erased: who did what, when and with what stays.
create function refuse_change_of_audit() returns trigger language plpgsql as $$
begin
    if new.tenant_id is not distinct from old.tenant_id and new.id is not distinct from old.id
        and new.at is not distinct from old.at and new.actor_kind is not distinct from old.actor_kind
        and new.actor is not distinct from old.actor and new.ip is not distinct from old.ip
        and new.request_id is not distinct from old.request_id and new.action is not distinct from old.action
        and new.object is not distinct from old.object
        and (new.before_body is not distinct from old.before_body
            or (old.before_body is not null and new.before_body = '{"erased":true}'))
        and (new.after_body is not distinct from old.after_body
            or (old.after_body is not null and new.after_body = '{"erased":true}'))
    then
        return new;
    end if;
    raise exception 'the audit log is only appended to' using errcode = 'check_violation';
end
$$;
drop trigger audit_log_is_not_changed on audit_log;
create trigger audit_log_is_not_changed before update on audit_log
    for each row execute function refuse_change_of_audit();
create trigger audit_log_is_not_deleted before delete on audit_log
    for each row execute function refuse_change();
grant update (before_body, after_body) on audit_log to tandem_app;

-- The channel of a message whose words are still there, by which those are found whose time is over.
alter table communications add column worded text generated always as
    ((case when coalesce((body::jsonb ->> 'erased')::boolean, false) then null else body::jsonb ->> 'channel' end)) stored;
create index communications_worded on communications (tenant_id, worded, created_at) where worded is not null;
