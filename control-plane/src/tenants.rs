//! The tenants that this program serves.

use crate::settings::TenantSettings;
use std::{collections::HashMap, sync::Arc};

/// The tenants, by what a request knows of them.
#[derive(Debug)]
pub(crate) struct Tenants {
    by_account: HashMap<String, Arc<TenantSettings>>,
    by_id: HashMap<String, Arc<TenantSettings>>,
}

impl Tenants {
    pub(crate) fn new(tenants: impl IntoIterator<Item = TenantSettings>) -> Self {
        let tenants: Vec<_> = tenants.into_iter().map(Arc::new).collect();
        Self {
            by_account: tenants
                .iter()
                .filter(|tenant| tenant.has_account())
                .map(|tenant| (tenant.twilio.account_sid.clone(), Arc::clone(tenant)))
                .collect(),
            by_id: tenants.into_iter().map(|tenant| (tenant.id.0.clone(), tenant)).collect(),
        }
    }

    /// Whose carrier account it is.
    pub(crate) fn of_account(&self, account_sid: &str) -> Option<&Arc<TenantSettings>> {
        self.by_account.get(account_sid)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<TenantSettings>> {
        self.by_id.get(id)
    }
}

impl TenantSettings {
    /// Whether a carrier account is set up. An empty token would be one that everybody can sign with.
    pub(crate) fn has_account(&self) -> bool {
        !self.twilio.account_sid.is_empty() && !self.twilio.auth_token.reveal().is_empty()
    }

    /// The number that `to` stands for, if the tenant's calls may be handed there: a name or one of the numbers.
    pub(crate) fn transfer_number(&self, to: &str) -> Option<&str> {
        let wanted = to.trim();
        let dialled: String = wanted.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        self.transfer_targets
            .iter()
            .find(|(name, number)| name.eq_ignore_ascii_case(wanted) || **number == dialled)
            .map(|(_, number)| number.as_str())
    }

    /// What keeps these settings from being used, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let folder_name = !self.id.0.is_empty()
            && self.id.0.len() <= 64
            && self.id.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if !folder_name {
            return Some(
                "the tenant's id must be 1 to 64 lower-case letters, digits, underscores or hyphens",
            );
        }
        if !self.numbers.iter().chain(self.transfer_targets.values()).all(|number| is_e164(number)) {
            return Some("numbers must be E.164, such as +15550100");
        }
        if self.stt.is_empty() || self.llm.is_empty() || self.tts.is_empty() {
            return Some("the tenant needs at least one provider each of recognition, language and voice");
        }
        None
    }
}

fn is_e164(number: &str) -> bool {
    number
        .strip_prefix('+')
        .is_some_and(|digits| (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::settings::{CarrierTexts, TwilioAccount};
    use engine::{ports::Assistant, provider::Secret};

    /// A tenant without providers.
    pub(crate) fn tenant() -> TenantSettings {
        TenantSettings {
            id: "ten_1".into(),
            name: "A tenant".to_owned(),
            twilio: TwilioAccount {
                account_sid: "AC00000000000000000000000000000001".to_owned(),
                auth_token: Secret::new("token-1"),
                previous_auth_token: None,
                shared_keys: HashMap::new(),
            },
            numbers: vec!["+15550199".to_owned()],
            assistant: Arc::new(Assistant {
                id: "asst_1".into(),
                prompt: String::new(),
                greeting: None,
                idle_prompts: Vec::new(),
                goodbye: String::new(),
                apology: String::new(),
                tool_filler: String::new(),
                language: "en".to_owned(),
                voice: String::new(),
                keyterms: Vec::new(),
                tools: Vec::new(),
                max_tokens: 100,
            }),
            remote_tools: HashMap::new(),
            transfer_targets: HashMap::from([("Sales".to_owned(), "+15550142".to_owned())]),
            stt: Vec::new(),
            llm: Vec::new(),
            tts: Vec::new(),
            record: true,
            texts: CarrierTexts::default(),
        }
    }

    #[test]
    fn calls_are_handed_only_to_those_the_tenant_knows() {
        let tenant = tenant();
        for known in ["Sales", "sales ", "+15550142", "+1 555-0142"] {
            assert_eq!(tenant.transfer_number(known), Some("+15550142"), "{known}");
        }
        for unknown in ["Support", "+15550143", "", "5550142"] {
            assert_eq!(tenant.transfer_number(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_tenants_id_must_be_fit_for_a_folder() {
        for id in ["", "..", "a/b", "Ten", &"a".repeat(65)] {
            assert!(TenantSettings { id: id.into(), ..tenant() }.fault().is_some(), "{id}");
        }
    }
}
