//! A call that goes on in the store although nobody has heard of it for long: the node that had it was killed, or the report of its
//! end was lost. The carrier is asked how it is, and what it says is taken in like a report.

use crate::{
    call_reports,
    clock::now_us,
    shared::Shared,
    status::{StatusReport, parse_carrier_status},
    work::micros,
};
use engine::ids::CallId;
use std::error::Error;
use store::{Call, CallFacts, CallFilter, CallStatus, Page, StoreError, TenantStore};
use tracing::{info, warn};
use twilio_rest::CallSid;

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// Who moves such calls in the audit log.
const SELF: &str = "stale_calls";
/// Calls that are read at once.
const PAGE: u16 = 50;

/// Asks for a tenant's calls that may be over, as many as the options say.
pub(super) async fn look(shared: &Shared, part: &Part) -> Result<(), StoreError> {
    let options = shared.limits.upkeep;
    let before = now_us().saturating_sub(micros(options.stale_after));
    let filter = CallFilter { live: true, created_until: Some(before), ..CallFilter::default() };
    let (mut page, mut asked) = (Page { after: None, limit: PAGE }, 0);
    while asked < options.asked_at_once {
        let calls = part.calls(&filter, &page).await?;
        let Some(last) = calls.last() else { return Ok(()) };
        page.after = Some((last.created_at, last.id.clone()));
        for call in calls {
            // What the engine here has goes on; what was not placed yet is its worker's.
            if asked >= options.asked_at_once || shared.live.has(&CallId::from(call.id.as_str())) {
                continue;
            }
            let Some(sid) = call.carrier_sid.as_deref().and_then(|sid| sid.parse::<CallSid>().ok()) else {
                continue;
            };
            asked += 1;
            if !ask(shared, part, call, &sid).await? {
                // The carrier does not serve this tenant now: the next round asks again.
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Asks for one call; false if the carrier does not serve.
async fn ask(shared: &Shared, part: &Part, call: Call, sid: &CallSid) -> Result<bool, StoreError> {
    let Some(account) = shared.carriers.of(part.id(), Some(&call)).await? else { return Ok(false) };
    let id = call.id.clone();
    let report = match account.fetch_call(sid).await {
        Ok(found) => {
            let status = parse_carrier_status(&found.status.to_string()).filter(|status| status.is_final());
            let Some(status) = status else { return Ok(true) };
            let at = found.end_time.map_or_else(now_us, |end| end.as_microsecond());
            let duration_s = found.duration.and_then(|seconds| i64::try_from(seconds).ok());
            StatusReport { status, duration_s, at }
        }
        Err(cause) if cause.is_gone() => {
            let error = Some("the carrier does not know the call".to_owned());
            part.learn(&id, &CallFacts { error, ..CallFacts::default() }).await?;
            StatusReport { status: CallStatus::Failed, duration_s: None, at: now_us() }
        }
        Err(cause) => {
            warn!(tenant = %part.id(), call = %id, error = &cause as &dyn Error, "it cannot be asked whether a call is over");
            return Ok(false);
        }
    };
    info!(tenant = %part.id(), call = %id, status = %report.status, "a call is over, as the carrier says when it is asked");
    call_reports::take_in(shared, part, call, report, SELF).await?;
    Ok(true)
}
