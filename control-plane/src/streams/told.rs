//! What is told of an event, and to whom of those who follow.

use super::former::former_names;
use crate::clock::rfc3339;
use identity::{
    permission::Permission,
    principal::{Principal, Who, allows},
};
use serde_json::json;
use store::model::inbox::TenantEvent;

/// An event as it is told, written once for all who follow.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its place in its tenant's order.
    pub(crate) position: i64,
    /// `id`, `type`, `timestamp` and `data` as JSON, on one line: what the webhooks tell, and its own id.
    pub(crate) json: String,
    kind: String,
    former: &'static [&'static str],
    needs: Permission,
}

impl Told {
    pub(super) fn of((position, event): (i64, TenantEvent)) -> Self {
        let former = former_names(&event.kind, &event.data);
        let needs = needed(&event.kind);
        let json = json!({
            "id": event.event,
            "type": event.kind,
            "timestamp": rfc3339(event.at),
            "data": event.data,
        });
        Self { position, json: json.to_string(), kind: event.kind, former, needs }
    }
}

/// What somebody must be allowed to read elsewhere, so that following tells nobody more than they may see.
fn needed(kind: &str) -> Permission {
    match kind.split('.').next().unwrap_or_default() {
        "call" => Permission::CallsRead,
        "recording" => Permission::RecordingsRead,
        "voicemail" => Permission::VoicemailsRead,
        "number" => Permission::NumbersRead,
        "health" => Permission::HealthRead,
        "budget" => Permission::UsageRead,
        "message" | "conversation" => Permission::ContactsRead,
        "webhook_endpoint" => Permission::WebhooksRead,
        _ => Permission::AuditRead,
    }
}

/// Which names are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Names {
    /// Those of the webhooks.
    #[default]
    Present,
    /// Those of the systems before, where there are such.
    Former,
}

/// What somebody wants to be told, and may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taste {
    /// Names, former names, and groups such as `call.*`; empty: everything.
    pub(crate) types: Vec<String>,
    /// By which names.
    pub(crate) names: Names,
}

impl Taste {
    /// Under which names somebody is told of it; none: they do not want it, or may not know of it.
    pub(crate) fn names_of<'a>(&self, told: &'a Told, principal: &Principal) -> Vec<&'a str> {
        // A key that may follow was made to be told everything.
        let is_key = matches!(principal.who, Who::Key { .. });
        if !is_key && !allows(principal, told.needs) {
            return Vec::new();
        }
        let names = match self.names {
            Names::Former if !told.former.is_empty() => told.former.to_vec(),
            Names::Former | Names::Present => vec![told.kind.as_str()],
        };
        let group = told.kind.split('.').next().unwrap_or_default();
        let wants = |filter: &String, name: &str| match filter.strip_suffix(".*") {
            Some(wanted) => wanted == group,
            None => filter == name || *filter == told.kind,
        };
        names
            .into_iter()
            .filter(|name| self.types.is_empty() || self.types.iter().any(|filter| wants(filter, name)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deliveries::EventType;

    #[test]
    fn every_kind_needs_what_reading_it_elsewhere_needs() {
        for kind in EventType::ALL {
            assert_ne!(needed(kind.as_str()), Permission::AuditRead, "{} needs a line", kind.as_str());
        }
        assert_eq!(needed("budget.exceeded"), Permission::UsageRead);
        assert_eq!(needed("something.new"), Permission::AuditRead);
    }
}
