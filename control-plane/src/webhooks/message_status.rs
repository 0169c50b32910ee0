//! The carrier tells what became of a message. It tells late, twice and out of order; each is kept with the try that it is about, and
//! what follows is decided by the message's own state.

use super::{HookError, Webhook, reported};
use axum::response::Response;
use messaging::{Status, dispatch::Report, failure::of_twilio};
use outbox::Tidings;
use store::ids::AttemptId;
use tracing::warn;

pub(crate) async fn status(webhook: Webhook) -> Response {
    reported("message_status", keep(&webhook).await)
}

async fn keep(webhook: &Webhook) -> Result<(), HookError> {
    let word = webhook.param("MessageStatus").or_else(|| webhook.param("SmsStatus")).unwrap_or_default();
    let Some(status) = Status::of_twilio(word) else {
        warn!(status = word, "the carrier tells a status of a message that is not known");
        return Ok(());
    };
    let code: Option<u32> = webhook.param("ErrorCode").and_then(|code| code.parse().ok());
    let sid = webhook.param("MessageSid").or_else(|| webhook.param("SmsSid")).unwrap_or_default();
    let failure = match (code, status.is_failure()) {
        (None, false) => None,
        (code, _) => Some(of_twilio(code, None)),
    };
    let report = Report { status, failure, provider_id: Some(sid.to_owned()).filter(|sid| !sid.is_empty()) };
    let error = webhook.param("ErrorMessage").map(|text| text.replace('\0', " "));
    let tidings = Tidings { report, word: word.to_owned(), error };
    let outbox = &webhook.shared.outbox;
    let tenant = store::TenantId::known(webhook.store.id().as_str());
    let known = match webhook.query("attempt").and_then(|id| AttemptId::parse(id).ok()) {
        Some(attempt) => outbox.told(&tenant, &attempt, &tidings).await?,
        None => {
            let account = webhook.tenant.twilio_account(webhook.account());
            let account = account.map(crate::sending::routes::id_of).unwrap_or_default();
            outbox.told_by_id(&tenant, &account, sid, &tidings).await?
        }
    };
    if !known {
        warn!(tenant = %tenant, "the carrier tells of a message that is not ours");
    }
    Ok(())
}
