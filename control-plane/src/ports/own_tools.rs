//! Tools that Tandem carries out itself: the assistant writes to whoever is on the line, or asks for a person. What it writes
//! does not leave once somebody has taken the conversation over, and each call of a tool acts once.

use crate::{
    clock::now_us,
    inbox::{assign, calls, control, reply, write},
    shared::Shared,
    who_answers::Part,
};
use engine::ports::ToolInvocation;
use outbox::{AcceptError, accept};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{
    Call, StoreError, Stored,
    model::{
        audit::{Actor, Idempotency, IdempotencyRequest, StoredResponse},
        contact::AddressKind,
        message::{Author, Channel, Conversation},
    },
};

/// Who acts, in the audit log.
const SELF: &str = "assistant";
/// How long it is remembered that a tool was called, in µs: longer than any call.
const REMEMBERED_US: i64 = 24 * 3_600 * 1_000_000;
/// Longest text, in characters.
const TEXT_MAX: usize = 1_500;

/// How often a message is tried to be stored while others write in the conversation in the same moment.
const TRIES: usize = 8;

/// A tool of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnTool {
    /// Writes on a channel.
    Send(Channel),
    /// Asks for a person.
    Escalate,
}

/// Why a tool did nothing; the text is for the model.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnToolError {
    #[error("the call is not known")]
    NoCall,
    #[error("say what is to be written in `text`, in at most {TEXT_MAX} characters")]
    NoText,
    #[error("there is no address of the caller's to write to")]
    NoAddress,
    #[error("an operator has the conversation: the message was not sent")]
    TakenOver,
    #[error("it could not be stored")]
    Store(#[from] StoreError),
}

impl OwnTool {
    /// By its name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "send_sms" => Some(Self::Send(Channel::Sms)),
            "send_whatsapp" => Some(Self::Send(Channel::Whatsapp)),
            "send_email" => Some(Self::Send(Channel::Email)),
            "escalate_to_human" => Some(Self::Escalate),
            _ => None,
        }
    }

    /// Carries it out; gives what the model is told.
    pub(super) async fn run(
        self,
        shared: &Arc<Shared>,
        invocation: &ToolInvocation,
    ) -> Result<String, OwnToolError> {
        let part = shared.store(&invocation.tenant);
        let id = store::CallId::known(invocation.call.0.as_str());
        let call = part.call(&id).await?.ok_or(OwnToolError::NoCall)?;
        let row = conversation(&*part, &call).await?;
        match self {
            Self::Escalate => {
                let reason = invocation.tool.arguments.get("reason").and_then(Value::as_str);
                reply::escalate(&*part, &row.id, None, reason).await?;
                assign::drain(&*part).await;
                Ok("A person has been asked for and will take over as soon as one is free. Tell the caller."
                    .to_owned())
            }
            Self::Send(channel) => {
                let text =
                    invocation.tool.arguments.get("text").and_then(Value::as_str).unwrap_or_default().trim();
                if text.is_empty() || text.chars().count() > TEXT_MAX {
                    return Err(OwnToolError::NoText);
                }
                let (mut row, mut tries) = (row, 1..TRIES);
                loop {
                    match send(shared, &*part, invocation, &call, row, channel, text).await {
                        Err(OwnToolError::Store(StoreError::Stale { .. } | StoreError::Conflict { .. }))
                            if tries.next().is_some() =>
                        {
                            row = conversation(&*part, &call).await?;
                        }
                        done => return done,
                    }
                }
            }
        }
    }
}

/// The conversation with whoever is on the line, which begins with the call if there was none.
async fn conversation(part: &Part, call: &Call) -> Result<Stored<Conversation>, OwnToolError> {
    calls::note(part, call).await?;
    let other = match call.direction {
        store::Direction::Inbound => &call.from_number,
        store::Direction::Outbound => &call.to_number,
    };
    let contact = crate::contacts::with_address(part, AddressKind::Phone, other)
        .await?
        .ok_or(OwnToolError::NoAddress)?;
    part.find::<Conversation>(contact.id.as_str()).await?.ok_or(OwnToolError::NoAddress)
}

async fn send(
    shared: &Shared,
    part: &Part,
    invocation: &ToolInvocation,
    call: &Call,
    row: Stored<Conversation>,
    channel: Channel,
    text: &str,
) -> Result<String, OwnToolError> {
    use store::model::message::Control;
    if row.value.control != Control::Assistant {
        return Err(OwnToolError::TakenOver);
    }
    let epoch = row.value.epoch;
    let author = Author::Assistant { epoch };
    let made = write::message(part, &row, text, Some(channel), author).await;
    let mut new = made.map_err(|cause| match cause {
        crate::sending::compose::ComposeError::Store(cause) => OwnToolError::Store(cause),
        _ => OwnToolError::NoAddress,
    })?;
    (new.fence, new.call) = (Some(epoch), Some(call.id.clone()));
    let done = format!("It is being sent by {channel}.");
    let key = format!("{SELF} {} {}", invocation.call, invocation.key.0);
    let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
    let expires_at = tx.now().saturating_add(REMEMBERED_US);
    let Some(now) = tx.get::<Conversation>(&row.id).await? else { return Err(OwnToolError::TakenOver) };
    if now.value.control != Control::Assistant || now.value.epoch != epoch {
        return Err(OwnToolError::TakenOver);
    }
    let request =
        IdempotencyRequest { key: key.clone(), request_hash: channel.as_str().to_owned(), expires_at };
    if tx.idempotency(&request).await? != Idempotency::Fresh {
        // It was called before this process was started.
        return Ok(done);
    }
    let lane = match accept(&mut *tx, new).await {
        Ok(accepted) => accepted.lane,
        Err(AcceptError::Store(cause)) => return Err(cause.into()),
        Err(AcceptError::NoText(_)) => return Err(OwnToolError::NoText),
    };
    control::answered(&mut *tx, now).await?;
    tx.respond(&key, &StoredResponse { status: 200, body: json!({}).to_string() }).await?;
    tx.commit().await?;
    shared.outbox.wake(lane);
    Ok(done)
}
