//! Rows that tests begin with.

use store::{Call, CallId, CallStatus, Direction, TenantId};

/// A call that is to be placed: nothing is known of it but who is to be called.
pub(crate) fn call() -> Call {
    Call {
        id: CallId::generate(),
        tenant: TenantId::known("ten_1"),
        carrier_sid: None,
        number: None,
        parent: None,
        direction: Direction::Outbound,
        from_number: "+15550199".to_owned(),
        to_number: "+15550100".to_owned(),
        assistant_id: "asst_1".to_owned(),
        status: CallStatus::Queued,
        created_at: 0,
        answered_at: None,
        ended_at: None,
        carrier_duration_s: None,
        streams: 0,
        reconnects: 0,
        transfer_to: None,
        end_reason: None,
        duration_ms: None,
        recording_ms: None,
        answered_by: None,
        price_micros: None,
        price_unit: None,
        error: None,
        outbound: None,
    }
}
