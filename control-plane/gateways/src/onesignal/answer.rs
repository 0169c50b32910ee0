//! What OneSignal answers. Pure.

use crate::{
    ShapeError,
    value::{integer, moment, object, text, texts},
};
use serde_json::Value;

/// What was wrong with some recipients, or with all of it. OneSignal writes it as a list of texts or as an object of lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// For people. Never to be matched on.
    pub texts: Vec<String>,
    /// Users that it does not know: our ids.
    pub external_ids: Vec<String>,
    /// Devices that it does not know, or that have unsubscribed.
    pub subscriptions: Vec<String>,
}

impl Problems {
    /// Whether everybody was reached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.external_ids.is_empty() && self.subscriptions.is_empty()
    }

    pub(super) fn read(errors: &Value) -> Self {
        let mut problems = Self::default();
        match errors {
            Value::String(text) => problems.texts.push(text.clone()),
            Value::Array(entries) => problems.texts = entries.iter().filter_map(said).collect(),
            Value::Object(members) => {
                for (name, value) in members {
                    match name.as_str() {
                        "invalid_aliases" => {
                            let lists = object(value).into_iter().flatten();
                            problems.external_ids.extend(lists.flat_map(|(_, list)| texts(list)));
                        }
                        "invalid_external_user_ids" => problems.external_ids.extend(texts(value)),
                        "invalid_player_ids" | "invalid_subscription_ids" => {
                            problems.subscriptions.extend(texts(value));
                        }
                        _ => problems.texts.push(name.clone()),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        problems
    }

    pub(super) fn said(&self) -> String {
        let mut parts = self.texts.clone();
        let count =
            |many: &[String], what: &str| (!many.is_empty()).then(|| format!("{} {what}", many.len()));
        parts.extend(count(&self.external_ids, "users are not known"));
        parts.extend(count(&self.subscriptions, "subscriptions are not valid"));
        if parts.is_empty() { "it does not say why".to_owned() } else { parts.join("; ") }
    }
}

/// A text, or an object with one.
fn said(entry: &Value) -> Option<String> {
    entry.as_str().map(str::to_owned).or_else(|| text(entry, "title")).or_else(|| text(entry, "message"))
}

/// A notification that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Which.
    pub id: String,
    /// Whom it does not reach; the others it does.
    pub problems: Problems,
}

/// An answer to a creation: an empty id says that nothing was sent, although the status is 200.
pub(super) fn created(answer: &Value) -> Result<Result<Created, Problems>, ShapeError> {
    let problems = Problems::read(answer.get("errors").unwrap_or(&Value::Null));
    match answer.get("id") {
        Some(Value::String(id)) if id.is_empty() => Ok(Err(problems)),
        Some(Value::String(id)) => Ok(Ok(Created { id: id.clone(), problems })),
        // Errors and no id at all.
        None | Some(Value::Null) if !problems.is_empty() => Ok(Err(problems)),
        None | Some(_) => Err(ShapeError::new("id", "is no text")),
    }
}

/// How a notification goes. Counts are of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The push services took it.
    pub successful: u64,
    /// They did not: unsubscribed or uninstalled.
    pub failed: u64,
    /// They could not: mistakes of the app's set-up.
    pub errored: u64,
    /// Somebody tapped it.
    pub converted: u64,
    /// Devices confirmed that they showed it, where the app is set up for that.
    pub received: Option<u64>,
    /// Still to be sent.
    pub remaining: u64,
    /// When it was to be sent, in unix µs.
    pub send_after: Option<i64>,
    /// When all was sent, in unix µs.
    pub completed_at: Option<i64>,
    /// Taken back.
    pub canceled: bool,
}

/// How far a notification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Ask again later: about a minute after the send it is known.
    Pending,
    /// At least one device's push service took it.
    Sent,
    /// At least one device confirmed that it showed it.
    Delivered,
    /// It reached no device.
    Failed,
    /// Taken back.
    Canceled,
}

impl Notification {
    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let done = self.remaining == 0 && (self.completed_at.is_some() || self.failed + self.errored > 0);
        if self.canceled {
            Progress::Canceled
        } else if self.received.unwrap_or(0) > 0 || self.converted > 0 {
            Progress::Delivered
        } else if self.successful > 0 {
            Progress::Sent
        } else if done {
            Progress::Failed
        } else {
            Progress::Pending
        }
    }

    pub(super) fn read(answer: &Value) -> Result<Self, ShapeError> {
        if !answer.is_object() {
            return Err(ShapeError::new("notification", "is no object"));
        }
        let count = |name| integer(answer, name).and_then(|count| u64::try_from(count).ok());
        // Answers are of one shape only: without any of these it is something else.
        if ["successful", "failed", "remaining"].iter().all(|name| count(name).is_none())
            && text(answer, "id").is_none()
        {
            return Err(ShapeError::new("successful", "is no number"));
        }
        let some = |name| count(name).unwrap_or(0);
        Ok(Self {
            // Sums of what is answered must not overflow.
            successful: some("successful"),
            failed: some("failed").min(u64::from(u32::MAX)),
            errored: some("errored").min(u64::from(u32::MAX)),
            converted: some("converted"),
            received: count("received"),
            remaining: some("remaining"),
            send_after: moment(answer, "send_after"),
            completed_at: moment(answer, "completed_at"),
            canceled: answer.get("canceled").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The words of a refusal's body.
pub(super) fn words(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let errors = body.get("errors").or_else(|| body.get("error"))?;
    let problems = Problems::read(errors);
    (!problems.is_empty()).then(|| problems.said())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::any_json;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_empty_id_is_a_failure_although_the_status_is_200() {
        let answer = json!({"id": "", "errors": ["All included players are not subscribed"]});
        let problems = created(&answer).unwrap().unwrap_err();
        assert_eq!(problems.texts, ["All included players are not subscribed"]);
        assert!(created(&json!({"id": ""})).unwrap().is_err());
        assert!(created(&json!({"errors": ["no"]})).unwrap().is_err());
        for unclear in [json!({}), json!({"id": 7}), json!({"id": null, "errors": []}), json!([])] {
            assert!(created(&unclear).is_err(), "{unclear}");
        }
    }

    #[test]
    fn a_partial_failure_is_read_in_every_shape() {
        let problems =
            |errors: Value| created(&json!({"id": "n1", "errors": errors})).unwrap().unwrap().problems;
        let aliases = problems(json!({"invalid_aliases": {"external_id": ["ten_1:a", "ten_1:b"]}}));
        assert_eq!(aliases.external_ids, ["ten_1:a", "ten_1:b"]);
        assert_eq!(problems(json!({"invalid_player_ids": ["s1", 7]})).subscriptions, ["s1"]);
        assert_eq!(
            problems(json!({"invalid_phone_numbers": ["+15550100"]})).texts,
            ["invalid_phone_numbers"]
        );
        assert_eq!(problems(json!([{"code": "x", "title": "said so"}])).texts, ["said so"]);
        for nothing in [json!(null), json!([]), json!({}), json!(7)] {
            assert!(problems(nothing.clone()).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn progress_goes_by_the_counts() {
        let progress = |answer: Value| Notification::read(&answer).unwrap().progress();
        assert_eq!(progress(json!({"successful": 0, "remaining": 2})), Progress::Pending);
        assert_eq!(progress(json!({"successful": 0, "remaining": 0})), Progress::Pending, "not begun");
        assert_eq!(progress(json!({"successful": 1, "failed": 3})), Progress::Sent);
        assert_eq!(progress(json!({"successful": 1, "received": 1})), Progress::Delivered);
        assert_eq!(progress(json!({"successful": 0, "failed": 1, "remaining": 0})), Progress::Failed);
        assert_eq!(progress(json!({"successful": 0, "completed_at": 1_760_000_000})), Progress::Failed);
        assert_eq!(progress(json!({"successful": 0, "canceled": true})), Progress::Canceled);
        assert!(Notification::read(&json!({"success": true})).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_is_a_panic(answer in any_json(), bytes: Vec<u8>) {
            if let Ok(Err(problems)) = created(&answer) {
                problems.said();
            }
            drop(Notification::read(&answer).map(|notification| notification.progress()));
            words(answer.to_string().as_bytes());
            words(&bytes);
        }
    }
}
