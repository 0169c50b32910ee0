//! Takes a mail in.
//!
//! - A mail is a message in the conversation that it answers: by the mails that it names, by the token in the address that it came to, or
//!   by who wrote it. It is kept in one unit of work with how far the mailbox was read, and once by its `Message-ID`.
//! - A bounce is told to the outbox as what became of the try that the mail was.
//! - What a machine wrote is marked, and nothing answers it. Our own mail is passed over.

use super::{
    files,
    mark::{ACTOR, Mark},
};
use crate::{
    inbox::{self, Inbound},
    mail_servers::IMAP,
    shared::Shared,
};
use futures_util::future::BoxFuture;
use mail::{
    Bounce, EmailAddress, Fetched, Inbox, InboxError, MessageId, Position, Received,
    parse::{BounceAction, FailedRecipient},
};
use messaging::{Failure, FailureClass, Status, dispatch::Report, failure::of_smtp};
use outbox::Tidings;
use std::{
    fmt,
    sync::{Arc, Weak},
};
use store::{
    StoreError, TenantId, TenantStore,
    ids::{AccountId, AttemptId, ConversationId},
    model::{
        audit::Actor,
        inbox::Mailbox,
        message::{Channel, Conversation, Message},
        outgoing::Attempt,
    },
};
use tracing::{info, warn};

/// Mails of a thread that are looked for.
const THREAD: usize = 25;
/// What a mail's status says if a machine wrote it.
const AUTOMATIC: &str = "automatic";
/// What it says otherwise.
const RECEIVED: &str = "received";

/// Keeps the mails of one mailbox.
pub(super) struct Keeper {
    /// The poller's task must not keep alive what keeps the poller.
    shared: Weak<Shared>,
    tenant: TenantId,
    account: AccountId,
    ours: EmailAddress,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper({})", self.account)
    }
}

impl Keeper {
    pub(super) fn new(
        shared: &Arc<Shared>,
        tenant: TenantId,
        account: AccountId,
        ours: EmailAddress,
    ) -> Self {
        Self { shared: Arc::downgrade(shared), tenant, account, ours }
    }

    fn shared(&self) -> Result<Arc<Shared>, InboxError> {
        self.shared.upgrade().ok_or_else(|| InboxError("the server is being closed".to_owned()))
    }

    fn mark(&self, position: Position) -> Mark {
        Mark { account: self.account.clone(), position }
    }
}

impl Inbox for Keeper {
    fn position(&self) -> BoxFuture<'_, Result<Option<Position>, InboxError>> {
        Box::pin(async move {
            let part = self.shared()?.store_of(&self.tenant);
            let row = part.find::<Mailbox>(self.account.as_str()).await.map_err(failed)?;
            let read = row.map(|row| row.value).filter(|row| row.uid_validity != 0);
            Ok(read.map(|row| Position { uid_validity: row.uid_validity, last_uid: row.last_uid }))
        })
    }

    fn keep(&self, mail: Fetched) -> BoxFuture<'_, Result<(), InboxError>> {
        Box::pin(async move {
            let shared = self.shared()?;
            self.take(&shared, mail).await.map_err(failed)
        })
    }

    fn advance(&self, position: Position) -> BoxFuture<'_, Result<(), InboxError>> {
        Box::pin(async move {
            let part = self.shared()?.store_of(&self.tenant);
            self.mark(position).store(&*part, &Actor::system(ACTOR)).await.map_err(failed)
        })
    }
}

fn failed(cause: StoreError) -> InboxError {
    InboxError(cause.to_string())
}

impl Keeper {
    async fn take(&self, shared: &Shared, mail: Fetched) -> Result<(), StoreError> {
        let part = shared.store_of(&self.tenant);
        let mark = mail.position.map(|position| self.mark(position));
        let taken = match &mail.mail {
            Some(received) if received.is_from(&self.ours) => false,
            Some(received) => match &received.bounce {
                Some(bounce) if self.came_back(shared, &*part, bounce).await? => false,
                Some(_) | None => self.message(shared, &*part, &mail, received, mark.as_ref()).await?,
            },
            None => {
                warn!(tenant = %self.tenant, mailbox = %self.account, uid = mail.uid, "a mail cannot be read and is put aside");
                false
            }
        };
        match mark {
            Some(mark) if !taken => mark.store(&*part, &Actor::system(ACTOR)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Tells the outbox what became of a mail of ours; false if it is none.
    async fn came_back(
        &self,
        shared: &Shared,
        part: &(dyn TenantStore + 'static),
        bounce: &Bounce,
    ) -> Result<bool, StoreError> {
        let Some(attempt) = bounce.original.as_ref().and_then(attempt_of) else { return Ok(false) };
        let Some(row) = part.get::<Attempt>(&attempt).await? else { return Ok(false) };
        let mut known = false;
        for recipient in &bounce.recipients {
            let Some(tidings) = tidings(recipient, row.value.provider_id.clone()) else {
                known = true;
                continue;
            };
            known |= shared.outbox.told(&self.tenant, &attempt, &tidings).await?;
        }
        info!(tenant = %self.tenant, mailbox = %self.account, %attempt, "a mail came back");
        Ok(known)
    }

    /// Keeps a message; false if it is nobody's.
    async fn message(
        &self,
        shared: &Shared,
        part: &(dyn TenantStore + 'static),
        mail: &Fetched,
        received: &Received,
        mark: Option<&Mark>,
    ) -> Result<bool, StoreError> {
        let writer = received.from.as_ref().and_then(writer_of);
        let Some((address, name)) = writer else {
            warn!(tenant = %self.tenant, mailbox = %self.account, uid = mail.uid, "a mail is from nobody and is put aside");
            return Ok(false);
        };
        let id = match &received.message_id {
            Some(id) => id.as_str().to_owned(),
            None => format!("{}.{}.{}", self.account, mail.uid_validity, mail.uid),
        };
        let known = part.find::<Message>(&Message::lookup(IMAP, &id)).await?.is_some();
        let media = if known { Vec::new() } else { files::keep(shared, &self.tenant, &id, received).await? };
        let inbound = Inbound {
            channel: Channel::Email,
            number: None,
            own_address: self.ours.as_str().to_lowercase(),
            address,
            name,
            subject: Some(received.subject.clone()).filter(|subject| !subject.is_empty()),
            content: content(mail, received),
            media,
            provider: IMAP,
            provider_id: id,
            provider_status: Some(if received.automatic.is_some() { AUTOMATIC } else { RECEIVED }.to_owned()),
            segments: None,
            conversation: conversation(part, received, &self.ours).await?,
            automatic: received.automatic.is_some(),
            keyword: None,
        };
        inbox::receive_to(part, &Actor::system(ACTOR), &inbound, mark).await?;
        shared.replies.notify_one();
        Ok(true)
    }
}

/// Who wrote: the address in lower case, and the name.
fn writer_of(party: &mail::parse::Party) -> Option<(String, Option<String>)> {
    Some((party.email()?.as_str().to_lowercase(), party.name.clone()))
}

/// What was written anew; all of it if nothing was.
fn content(mail: &Fetched, received: &Received) -> String {
    if mail.headers_only {
        return format!("(The mail has {} bytes and was not fetched.)", mail.bytes);
    }
    let new = if received.new_text.trim().is_empty() { &received.text } else { &received.new_text };
    new.clone()
}

/// The conversation that a mail answers in, if it says so itself.
async fn conversation(
    part: &(dyn TenantStore + 'static),
    received: &Received,
    ours: &EmailAddress,
) -> Result<Option<ConversationId>, StoreError> {
    for id in received.thread_candidates().into_iter().take(THREAD) {
        let message = match attempt_of(id) {
            Some(attempt) => match part.get::<Attempt>(&attempt).await? {
                Some(row) => part.get::<Message>(&row.value.message).await?,
                None => None,
            },
            None => part.find::<Message>(&Message::lookup(IMAP, id.as_str())).await?,
        };
        if let Some(conversation) = message.and_then(|message| message.value.conversation) {
            return Ok(Some(conversation));
        }
    }
    let Some(token) = received.token(ours).and_then(|token| ConversationId::parse(token).ok()) else {
        return Ok(None);
    };
    Ok(part.get::<Conversation>(&token).await?.map(|row| row.id))
}

/// The try that a mail of ours was, by its id.
fn attempt_of(id: &MessageId) -> Option<AttemptId> {
    let (left, _) = id.as_str().split_once('@')?;
    AttemptId::parse(left).ok()
}

/// What a report says of a recipient; `None`: it is still tried.
fn tidings(recipient: &FailedRecipient, provider_id: Option<String>) -> Option<Tidings> {
    let (status, word) = match recipient.action {
        BounceAction::Failed => (Status::Bounced, "bounced"),
        BounceAction::Delivered => (Status::Delivered, "delivered"),
        BounceAction::Delayed | BounceAction::Relayed | BounceAction::Expanded => return None,
    };
    let failure = status.is_failure().then(|| {
        let enhanced = recipient.status.map(|code| (code.class, code.subject, code.detail));
        match enhanced {
            // A server that gives up for good and does not say why: mostly there is nobody (RFC 3463 3.1, `5.0.0`).
            None | Some((5, 0, 0)) => Failure::new(FailureClass::BadAddress).with_code("5.0.0"),
            Some(_) => of_smtp(0, enhanced),
        }
    });
    Some(Tidings {
        report: Report { status, failure, provider_id },
        word: word.to_owned(),
        error: recipient.diagnostic.clone(),
    })
}
