-- What is kept of people ends: on their wish, and when its time is over.

-- The audit log is only appended to, but for what a line says of a person who was erased: who did what, when and with what stays.
drop trigger audit_log_is_not_changed;
create trigger audit_log_is_not_changed before update on audit_log when not (
    new.tenant_id is old.tenant_id and new.id is old.id and new.at is old.at and new.actor_kind is old.actor_kind
    and new.actor is old.actor and new.ip is old.ip and new.request_id is old.request_id and new.action is old.action
    and new.object is old.object
    and (new.before_body is old.before_body or (old.before_body is not null and new.before_body is '{"erased":true}'))
    and (new.after_body is old.after_body or (old.after_body is not null and new.after_body is '{"erased":true}'))
) begin
    select raise(abort, 'the audit log is only appended to');
end;

-- The channel of a message whose words are still there, by which those are found whose time is over.
alter table communications add column worded text generated always as (case when coalesce(body ->> '$.erased', 0) = 0 then body ->> '$.channel' end) virtual;
create index communications_worded on communications (tenant_id, worded, created_at) where worded is not null;
