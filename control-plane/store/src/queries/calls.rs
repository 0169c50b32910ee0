// Shared SQL text about calls. A database crate names its database `Db` and includes this file; its compiler
// checks every line against that database's own schema. Every query of a tenant's table takes the tenant first.

pub(crate) async fn insert_call<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    new: &NewCall,
) -> Result<(), sqlx::Error> {
    let (id, direction, status) = (new.id.as_str(), new.direction.as_str(), new.status.as_str());
    query!(
        "insert into calls (tenant_id, id, carrier_sid, direction, from_number, to_number, assistant_id, status, \
         created_at, streams, reconnects) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0) \
         on conflict (tenant_id, carrier_sid) do nothing",
        tenant,
        id,
        new.carrier_sid,
        direction,
        new.from_number,
        new.to_number,
        new.assistant_id,
        status,
        new.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn call_by_id<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
) -> Result<Option<CallRow>, sqlx::Error> {
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, direction, from_number, to_number, assistant_id, status, created_at, \
         answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, duration_ms, \
         recording_ms from calls where tenant_id = $1 and id = $2",
        tenant,
        id,
    )
    .fetch_optional(db)
    .await
}

pub(crate) async fn call_by_carrier_sid<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    sid: &str,
) -> Result<Option<CallRow>, sqlx::Error> {
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, direction, from_number, to_number, assistant_id, status, created_at, \
         answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, duration_ms, \
         recording_ms from calls where tenant_id = $1 and carrier_sid = $2",
        tenant,
        sid,
    )
    .fetch_optional(db)
    .await
}

pub(crate) async fn list_calls<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    filter: &CallFilter,
    page: &Page,
) -> Result<Vec<CallRow>, sqlx::Error> {
    let created_from = filter.created_from.unwrap_or(i64::MIN);
    let created_until = filter.created_until.unwrap_or(i64::MAX);
    let status = filter.status.map(CallStatus::as_str);
    // Without a cursor the first comparison is true for every call, so the id does not matter.
    let (before, before_id) = page.after.as_ref().map_or((i64::MAX, ""), |(at, id)| (*at, id.as_str()));
    let limit = i64::from(page.limit);
    query_as!(
        CallRow,
        "select id, tenant_id, carrier_sid, direction, from_number, to_number, assistant_id, status, created_at, \
         answered_at, ended_at, carrier_duration_s, streams, reconnects, transfer_to, end_reason, duration_ms, \
         recording_ms from calls \
         where tenant_id = $1 and created_at >= $2 and created_at < $3 \
         and (created_at < $4 or (created_at = $4 and id < $5)) \
         and (cast($6 as text) is null or status = $6) \
         and (cast($7 as text) is null or from_number = $7) \
         and (cast($8 as text) is null or to_number = $8) \
         order by created_at desc, id desc limit $9",
        tenant,
        created_from,
        created_until,
        before,
        before_id,
        status,
        filter.from_number,
        filter.to_number,
        limit,
    )
    .fetch_all(db)
    .await
}

pub(crate) async fn move_call<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
    step: CallMove,
) -> Result<bool, sqlx::Error> {
    let (from, to) = (step.from.as_str(), step.to.as_str());
    let done = query!(
        "update calls set status = $4, answered_at = coalesce(answered_at, $5), \
         ended_at = coalesce(ended_at, $6), carrier_duration_s = coalesce(carrier_duration_s, $7) \
         where tenant_id = $1 and id = $2 and status = $3",
        tenant,
        id,
        from,
        to,
        step.answered_at,
        step.ended_at,
        step.carrier_duration_s,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn count_reconnect<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let row = query!(
        "update calls set reconnects = reconnects + 1 where tenant_id = $1 and id = $2 returning reconnects",
        tenant,
        id,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.reconnects))
}

pub(crate) async fn set_transfer<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
    to: &str,
) -> Result<bool, sqlx::Error> {
    let done = query!("update calls set transfer_to = $3 where tenant_id = $1 and id = $2", tenant, id, to)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn count_stream<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
    at: i64,
) -> Result<(), sqlx::Error> {
    query!(
        "update calls set streams = streams + 1, answered_at = coalesce(answered_at, $3), \
         status = case when status in ('queued', 'initiated', 'ringing') then 'in_progress' else status end \
         where tenant_id = $1 and id = $2",
        tenant,
        id,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn end_call<'e>(
    db: impl Executor<'e, Database = Db>,
    tenant: &str,
    id: &str,
    ended: &EndedCall,
) -> Result<(), sqlx::Error> {
    let ended_at = ended.final_for_carrier.then_some(ended.at);
    let status = ended.final_for_carrier.then_some(CallStatus::Completed.as_str());
    query!(
        "update calls set end_reason = $3, duration_ms = $4, recording_ms = $5, context = $6, \
         ended_at = coalesce(ended_at, $7), \
         status = case when status in ('queued', 'initiated', 'ringing', 'in_progress') \
         then coalesce($8, status) else status end \
         where tenant_id = $1 and id = $2",
        tenant,
        id,
        ended.reason,
        ended.duration_ms,
        ended.recording_ms,
        ended.context,
        ended_at,
        status,
    )
    .execute(db)
    .await?;
    Ok(())
}
