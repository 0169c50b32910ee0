//! Queues of callers, and who waits in them.

use crate::{Account, CallSid, Method, Pages, QueueSid, TwilioError, date, number, retry::Repetition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a queue is made with or changed to; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueSettings {
    /// Its name, unique in the account, at most 64 characters.
    pub friendly_name: Option<String>,
    /// Most callers (1,000, at most 5,000).
    pub max_size: Option<u32>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Queue {
    /// Which.
    pub sid: QueueSid,
    /// Its name.
    pub friendly_name: String,
    /// Who waits now.
    #[serde(deserialize_with = "number::required")]
    pub current_size: u64,
    /// Most callers.
    #[serde(deserialize_with = "number::required")]
    pub max_size: u64,
    /// In s, of those who wait now.
    #[serde(default, deserialize_with = "number::optional")]
    pub average_wait_time: Option<u64>,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct QueueMember {
    /// Whose call.
    pub call_sid: CallSid,
    /// From 1.
    #[serde(deserialize_with = "number::required")]
    pub position: u64,
    /// In s.
    #[serde(deserialize_with = "number::required")]
    pub wait_time: u64,
    /// Since when.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_enqueued: Option<Timestamp>,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberId {
    /// Who has waited longest.
    Front,
    /// This one.
    Call(CallSid),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dequeue<'a> {
    url: &'a str,
    method: Method,
}

#[derive(Serialize)]
struct NoFilter {}

impl Account {
    /// Makes a queue. Its name is unique in the account: Twilio refuses a second one.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn create_queue(&self, settings: &QueueSettings) -> Result<Queue, TwilioError> {
        self.post("creating a queue", self.url(&["Queues.json"]), Repetition::Doubles, settings).await
    }

    /// One queue.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_queue(&self, sid: &QueueSid) -> Result<Queue, TwilioError> {
        self.get("fetching a queue", self.queue_url(sid)).await
    }

    /// Changes a queue.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_queue(&self, sid: &QueueSid, settings: &QueueSettings) -> Result<Queue, TwilioError> {
        self.post("changing a queue", self.queue_url(sid), Repetition::Harmless, settings).await
    }

    /// Deletes a queue, which must be empty.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn delete_queue(&self, sid: &QueueSid) -> Result<(), TwilioError> {
        self.delete("deleting a queue", self.queue_url(sid)).await
    }

    /// The account's queues.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_queues(&self) -> Result<Pages<Queue>, TwilioError> {
        self.list("listing queues", self.url(&["Queues.json"]), "queues", &NoFilter {})
    }

    /// Somebody who waits.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_member(
        &self,
        queue: &QueueSid,
        member: &MemberId,
    ) -> Result<QueueMember, TwilioError> {
        self.get("fetching a queue's member", self.member_url(queue, member)).await
    }

    /// Everybody who waits.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_members(&self, queue: &QueueSid) -> Result<Pages<QueueMember>, TwilioError> {
        let url = self.url(&["Queues", queue.as_str(), "Members.json"]);
        self.list("listing a queue's members", url, "queue_members", &NoFilter {})
    }

    /// Takes somebody out of the queue; the call goes on with the TwiML of `url`.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn dequeue(
        &self,
        queue: &QueueSid,
        member: &MemberId,
        url: &str,
    ) -> Result<QueueMember, TwilioError> {
        let request = Dequeue { url, method: Method::Post };
        let target = self.member_url(queue, member);
        self.post("taking a caller out of a queue", target, Repetition::Doubles, &request).await
    }

    fn queue_url(&self, sid: &QueueSid) -> url::Url {
        self.url(&["Queues", &format!("{sid}.json")])
    }

    fn member_url(&self, queue: &QueueSid, member: &MemberId) -> url::Url {
        let which = match member {
            MemberId::Front => "Front.json".to_owned(),
            MemberId::Call(sid) => format!("{sid}.json"),
        };
        self.url(&["Queues", queue.as_str(), "Members", &which])
    }
}
