//! What one node asks of another, as JSON.

use bytes::Bytes;
use engine::call::turn::Command;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{CallId, TenantId};

/// Something that is to be done in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    /// On whose behalf.
    pub(super) tenant: TenantId,
    /// In which call.
    pub(super) call: CallId,
    /// What.
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// Nothing but an answer: that it is there.
    Have,
    /// An order.
    Order(Command),
    /// Let it be heard.
    Listen {
        /// On this subject.
        to: String,
        /// Both sides together.
        mixed: bool,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// It is being done.
    Done,
    /// The call is over, another tenant's, or heard by as many as may.
    Gone,
    /// It was not understood.
    NotKnown,
}

fn write(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

fn read<T: DeserializeOwned>(message: &[u8]) -> Option<T> {
    serde_json::from_slice(message).ok()
}

impl Ask {
    pub(super) fn write(&self) -> Bytes {
        write(self)
    }

    pub(super) fn read(message: &[u8]) -> Option<Self> {
        read(message)
    }
}

impl Reply {
    pub(super) fn write(self) -> Bytes {
        write(&self)
    }

    pub(super) fn read(message: &[u8]) -> Option<Self> {
        read(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_back_and_what_is_not_known_is_not() {
        let (tenant, call) = (TenantId::generate(), CallId::generate());
        for what in [
            What::Have,
            What::Order(Command::HangUp),
            What::Order(Command::Say { text: "Hello".to_owned() }),
            What::Listen { to: "tandem.listen.1".to_owned(), mixed: true },
        ] {
            let ask = Ask { tenant: tenant.clone(), call: call.clone(), what };
            assert_eq!(Ask::read(&ask.write()), Some(ask));
        }
        for reply in [Reply::Done, Reply::Gone, Reply::NotKnown] {
            assert_eq!(Reply::read(&reply.write()), Some(reply));
        }
        assert_eq!(Ask::read(b"{}"), None);
        assert_eq!(Reply::read(b"\"later\""), None);
    }
}
