//! Delivery reports (RFC 3464): which mail of ours did not arrive, at whom, and why.

use super::{ParseLimits, one_line};
use crate::{message_id::MessageId, smtp::EnhancedCode};
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

/// A report about a mail of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounce {
    /// Which mail, where the report has its headers.
    pub original: Option<MessageId>,
    /// What became of it at whom.
    pub recipients: Vec<FailedRecipient>,
}

/// One recipient of a report.
#[derive(Clone, PartialEq, Eq)]
pub struct FailedRecipient {
    /// The address, where it was delivered to in the end or, without that, as we had it.
    pub address: String,
    /// What became of it.
    pub action: BounceAction,
    /// Such as 5.1.1; a report without one is no report.
    pub status: Option<EnhancedCode>,
    /// The other server's words, shortened.
    pub diagnostic: Option<String>,
}

impl std::fmt::Debug for FailedRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FailedRecipient({:?}, {:?})", self.action, self.status)
    }
}

/// What became of a mail at a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceAction {
    /// It did not arrive and will not.
    Failed,
    /// It is still tried.
    Delayed,
    /// It arrived.
    Delivered,
    /// It went on to where no reports come from.
    Relayed,
    /// It went to several.
    Expanded,
}

impl Bounce {
    /// The recipients that will not get it.
    pub fn failed(&self) -> impl Iterator<Item = &FailedRecipient> {
        self.recipients.iter().filter(|recipient| recipient.action == BounceAction::Failed)
    }
}

/// The report that a mail is, if it is one.
pub(super) fn read(message: &Message<'_>, limits: &ParseLimits) -> Option<Bounce> {
    let root = message.root_part().content_type()?;
    if !root.ctype().eq_ignore_ascii_case("multipart") || !root.subtype()?.eq_ignore_ascii_case("report") {
        return None;
    }
    let mut bounce = Bounce::default();
    let mut is_report = false;
    for part in &message.parts {
        if is(part, "message", "delivery-status") {
            is_report = true;
            let status = String::from_utf8_lossy(content(part)).into_owned();
            bounce.recipients.extend(recipients(&status).take(limits.addresses));
        } else if bounce.original.is_none()
            && (is(part, "text", "rfc822-headers") || is(part, "message", "rfc822"))
        {
            bounce.original = match &part.body {
                PartType::Message(inner) => inner.message_id().and_then(MessageId::received),
                _ => original(content(part)),
            };
        }
    }
    is_report.then_some(bounce)
}

fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.content_type().is_some_and(|found| {
        found.ctype().eq_ignore_ascii_case(kind)
            && found.subtype().is_some_and(|found| found.eq_ignore_ascii_case(subtype))
    })
}

/// What is in a part, also where the parser took it for a mail.
fn content<'a>(part: &'a MessagePart<'_>) -> &'a [u8] {
    match &part.body {
        PartType::Message(inner) => inner.raw_message(),
        _ => part.contents(),
    }
}

fn original(headers: &[u8]) -> Option<MessageId> {
    let message = MessageParser::default().parse_headers(headers)?;
    message.message_id().and_then(MessageId::received)
}

/// The recipients' groups of fields; the first group is about the mail itself.
fn recipients(status: &str) -> impl Iterator<Item = FailedRecipient> {
    let mut groups: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in status.lines() {
        if line.trim().is_empty() {
            groups.push(Vec::new());
        } else if let (true, Some(group)) = (line.starts_with([' ', '\t']), groups.last_mut()) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let (Some((name, value)), Some(group)) = (line.split_once(':'), groups.last_mut()) {
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups.into_iter().filter_map(|group| recipient(&group))
}

fn recipient(group: &[(String, String)]) -> Option<FailedRecipient> {
    let field = |name: &str| group.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    // `rfc822; ada@example.com`
    let typed = |value: &str| one_line(value.split_once(';').map_or(value, |(_, value)| value));
    let address = field("final-recipient").or_else(|| field("original-recipient")).map(typed)?;
    let status = field("status").and_then(EnhancedCode::at_start_of);
    let action = match field("action").map(str::to_ascii_lowercase).as_deref() {
        Some("failed") => BounceAction::Failed,
        Some("delayed") => BounceAction::Delayed,
        Some("delivered") => BounceAction::Delivered,
        Some("relayed") => BounceAction::Relayed,
        Some("expanded") => BounceAction::Expanded,
        Some(_) | None if status.is_some_and(|status| status.class == 5) => BounceAction::Failed,
        Some(_) | None => BounceAction::Delayed,
    };
    let address = address.trim_matches(['<', '>']).to_owned();
    Some(FailedRecipient { address, action, status, diagnostic: field("diagnostic-code").map(typed) })
}
