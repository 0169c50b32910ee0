//! Whether a machine wrote a mail. Two machines that answer each other never stop: what is found here is not answered by ours.

use super::Received;
use mail_parser::Message;

/// Why a mail counts as written by a machine, the strongest reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutomaticReason {
    /// A report about another mail.
    Bounce,
    /// `Auto-Submitted` says so (RFC 3834).
    AutoSubmitted,
    /// It came without a sender to answer (`Return-Path: <>`).
    NullSender,
    /// `X-Auto-Response-Suppress` asks for no answer, or a header of an older answering machine is there.
    NoAnswerWanted,
    /// `List-Id`, `List-Unsubscribe` and the like.
    List,
    /// `Precedence: bulk`, `list` or `junk`.
    Bulk,
    /// The sender's name: `mailer-daemon`, `no-reply` and the like.
    Sender,
}

/// Names before the `@` that no person reads.
const MACHINES: [&str; 8] =
    ["mailer-daemon", "postmaster", "no-reply", "noreply", "do-not-reply", "donotreply", "bounce", "bounces"];

pub(super) fn reason(message: &Message<'_>, received: &Received) -> Option<AutomaticReason> {
    if received.bounce.is_some() {
        return Some(AutomaticReason::Bounce);
    }
    let mut found: Option<AutomaticReason> = None;
    let mut note = |reason: AutomaticReason| {
        let rank = |reason: AutomaticReason| reason as u8;
        found = Some(found.map_or(reason, |known| if rank(reason) < rank(known) { reason } else { known }));
    };
    for (name, value) in message.headers_raw() {
        let value = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "auto-submitted" if value.split(';').next().is_some_and(|kind| kind.trim() != "no") => {
                note(AutomaticReason::AutoSubmitted);
            }
            "return-path" if value == "<>" => note(AutomaticReason::NullSender),
            "x-auto-response-suppress" if value != "none" => note(AutomaticReason::NoAnswerWanted),
            "x-autoreply" | "x-autorespond" | "x-autoresponder" => note(AutomaticReason::NoAnswerWanted),
            "list-id" | "list-unsubscribe" | "list-post" | "list-help" => note(AutomaticReason::List),
            "precedence" if matches!(value.as_str(), "bulk" | "list" | "junk" | "auto_reply") => {
                note(AutomaticReason::Bulk);
            }
            _ => {}
        }
    }
    let sender = received.from.as_ref().and_then(|from| from.address.rsplit_once('@'));
    if let Some((local, _)) = sender {
        let local = local.to_ascii_lowercase();
        let name = local.split_once('+').map_or(local.as_str(), |(name, _)| name);
        if MACHINES.contains(&name) {
            note(AutomaticReason::Sender);
        }
    }
    found
}
