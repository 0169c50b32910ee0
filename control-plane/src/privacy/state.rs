//! How far a request about a person has come, and its receipt.

use super::person::Person;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{
    StoreError,
    ids::ContactId,
    model::{audit::ActorKind, work::Job},
};

/// Whom a request is about, as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Subject {
    pub(crate) contact: Option<ContactId>,
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
}

impl Subject {
    /// By what the person is named, without saying who it is.
    pub(crate) fn named_by(&self) -> Vec<&'static str> {
        let named = [
            ("contact", self.contact.is_some()),
            ("phone", self.phone.is_some()),
            ("email", self.email.is_some()),
        ];
        named.into_iter().filter(|(_, is_named)| *is_named).map(|(by, _)| by).collect()
    }
}

/// Who asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) kind: ActorKind,
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) at: i64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { kind: ActorKind::System, id: String::new(), reason: String::new(), at: 0 }
    }
}

/// Something that an erasure left, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) what: String,
    pub(crate) count: u64,
    pub(crate) why: String,
    /// Which, if that says nothing of the person.
    #[serde(default)]
    pub(crate) ids: Vec<String>,
}

/// The file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportFile {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) until: i64,
}

/// All that a request needs and found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) asked: Asked,
    /// Nobody once the request is done.
    pub(crate) subject: Subject,
    /// Who that is; nobody once the request is done.
    pub(crate) person: Person,
    /// By what the person was named.
    pub(crate) by: Vec<String>,
    /// Where a step that goes through a list is: the list, and the last that was looked at.
    pub(crate) place: (usize, String),
    /// How often everything was gone through.
    pub(crate) rounds: u32,
    /// Something was found in what is kept of others since that was gone through last.
    pub(crate) changed: bool,
    /// What it waits for.
    pub(crate) waits_for: Option<String>,
    /// What was done, by kind.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) kept: Vec<Kept>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) file: Option<ExportFile>,
}

impl State {
    pub(crate) fn read(job: &Job) -> Result<Self, StoreError> {
        serde_json::from_value(job.state.clone())
            .map_err(|source| StoreError::Unreadable { what: "request about a person", source })
    }

    pub(crate) fn written(&self) -> Result<serde_json::Value, StoreError> {
        serde_json::to_value(self)
            .map_err(|error| StoreError::Invalid { what: "request about a person", why: error.to_string() })
    }

    pub(crate) fn count(&mut self, what: &str, more: u64) {
        if more > 0 {
            *self.counts.entry(what.to_owned()).or_default() += more;
        }
    }

    /// Notes what stays; what is noted again replaces what was known.
    pub(crate) fn keep(&mut self, what: &str, count: u64, why: &str, ids: Vec<String>) {
        self.kept.retain(|kept| kept.what != what);
        if count > 0 {
            self.kept.push(Kept { what: what.to_owned(), count, why: why.to_owned(), ids });
        }
    }

    /// As [`keep`](Self::keep), beside what was noted before.
    pub(crate) fn keep_more(&mut self, what: &str, why: &str, ids: &[String], is_named: bool) {
        let more = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        match self.kept.iter_mut().find(|kept| kept.what == what) {
            Some(kept) => {
                let new = ids.iter().filter(|id| !kept.ids.contains(id));
                let new: Vec<_> = new.cloned().collect();
                kept.count += u64::try_from(new.len()).unwrap_or(u64::MAX);
                kept.ids.extend(new);
            }
            None if more > 0 => {
                let ids = if is_named { ids.to_vec() } else { Vec::new() };
                self.kept.push(Kept { what: what.to_owned(), count: more, why: why.to_owned(), ids });
            }
            None => {}
        }
    }

    /// Forgets who it was about.
    pub(crate) fn forget(&mut self) {
        self.by = self.subject.named_by().into_iter().map(str::to_owned).collect();
        let said = |text: &str| {
            let text = text.to_lowercase();
            self.person.names.iter().any(|name| text.contains(&name.to_lowercase()))
                || super::needles::Needles::of(&self.person).are_in(&text)
        };
        if said(&self.asked.reason) {
            self.asked.reason = "[erased]".to_owned();
        }
        self.subject = Subject::default();
        self.person = Person::default();
        self.place = (0, String::new());
    }
}
