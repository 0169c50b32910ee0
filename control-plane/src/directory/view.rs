//! One state of a tenant: everything that answering its calls needs.

use super::accounts::Account;
use crate::{
    providers::{Providers, Voice},
    settings::{CarrierTexts, RemoteTool},
};
use engine::{ids::TenantId, llm::LlmProvider, ports::Assistant, stt::SttProvider, tts::TtsProvider};
use routing::Book;
use std::{collections::HashMap, fmt, sync::Arc};
use store::{
    ids::NumberId,
    model::{
        account::AccountStatus,
        number::{Number, NumberStatus},
        tenant::{Tenant, TenantStatus, WebhookMode},
    },
};

/// One state of a tenant. It never changes.
pub(crate) struct TenantView {
    pub(crate) id: TenantId,
    /// The tenant's row: its name and settings.
    pub(crate) tenant: Tenant,
    /// What the carrier's own voice says.
    pub(crate) texts: CarrierTexts,
    /// Whether calls are recorded.
    pub(crate) record: bool,
    /// To whom the assistant may hand a call: name to number (E.164).
    pub(crate) transfer_targets: HashMap<String, String>,
    /// All but closed ones; those that are tried first come first.
    pub(crate) accounts: Vec<Account>,
    /// All but released ones, by E.164. The carrier may still send calls of one that is not active.
    pub(crate) numbers: HashMap<String, Arc<StoredNumber>>,
    /// The number that those who are called see: the primary one, or the oldest that is active.
    pub(crate) call_from: Option<String>,
    /// By their id. Those that cannot be used are not there.
    pub(crate) assistants: HashMap<String, Answerer>,
    /// Who answers where nothing else is said: an id in `assistants`.
    pub(crate) default_assistant: Option<String>,
    /// What its calls can be led to.
    pub(crate) book: Book,
    /// What it takes in memory, about, in bytes.
    pub(crate) bytes: usize,
}

/// A number.
#[derive(Clone, Debug)]
pub(crate) struct StoredNumber {
    pub(crate) id: NumberId,
    pub(crate) number: Number,
}

/// An assistant with everything it works with.
#[derive(Clone)]
pub(crate) struct Answerer {
    pub(crate) assistant: Arc<Assistant>,
    pub(crate) providers: Arc<Providers>,
    /// Where its remote tools are, by the tool's name.
    pub(crate) remote_tools: HashMap<String, RemoteTool>,
}

/// Who answers one call, and with what.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) assistant: Arc<Assistant>,
    pub(crate) stt: Vec<Arc<dyn SttProvider>>,
    pub(crate) llm: Vec<Arc<dyn LlmProvider>>,
    pub(crate) tts: Vec<Arc<dyn TtsProvider>>,
}

impl TenantView {
    /// Whether its calls are taken. Those that are up go on.
    pub(crate) fn is_served(&self) -> bool {
        self.tenant.status == TenantStatus::Active
    }

    /// What is done with a webhook whose signature is not good.
    pub(crate) fn webhook_mode(&self) -> WebhookMode {
        self.tenant.settings.webhook_mode
    }

    /// The carrier's account with this sid.
    pub(crate) fn twilio_account(&self, sid: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.kind == "twilio" && account.sid == sid)
    }

    /// An active number.
    pub(crate) fn number(&self, e164: &str) -> Option<&Arc<StoredNumber>> {
        self.numbers.get(e164).filter(|stored| stored.number.status == NumberStatus::Active)
    }

    /// The id of whoever answers if nothing else is said; empty if there is nobody.
    pub(crate) fn default_assistant_id(&self) -> &str {
        self.default_assistant.as_deref().unwrap_or_default()
    }

    /// The id, or that of whoever answers if there is no assistant with it any more.
    pub(crate) fn assistant_id(&self, id: &str) -> &str {
        self.assistants.get_key_value(id).map_or_else(|| self.default_assistant_id(), |(id, _)| id.as_str())
    }

    /// An assistant, or the one who answers if there is none with this id any more.
    pub(crate) fn answerer(&self, assistant: &str) -> Option<&Answerer> {
        self.assistants.get(assistant).or_else(|| self.assistants.get(self.default_assistant.as_ref()?))
    }

    /// Who answers a call to or from one of the numbers, in its voice and with its greeting.
    pub(crate) fn answering(&self, assistant: &str, own_number: &str) -> Option<Answering> {
        let answerer = self.answerer(assistant)?;
        let number = self.numbers.get(own_number).map(|stored| &stored.number);
        let greeting = number.and_then(|number| number.greeting.clone());
        let voice = number.and_then(|number| number.voice.clone());
        let mut providers = Providers::clone(&answerer.providers);
        if let (Some(voice), Some(first)) = (&voice, providers.tts.first_mut()) {
            first.voice = Some(voice.clone());
        }
        let assistant = if greeting.is_none() && voice.is_none() {
            Arc::clone(&answerer.assistant)
        } else {
            let own = Assistant::clone(&answerer.assistant);
            let greeting = greeting.or(own.greeting);
            Arc::new(Assistant { greeting, voice: voice.unwrap_or(own.voice), ..own })
        };
        Some(Answering {
            assistant,
            stt: providers.stt,
            llm: providers.llm,
            tts: providers.tts.iter().map(Voice::speaker).collect(),
        })
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
}

impl super::accounts::Account {
    /// Whether calls through it are taken.
    pub(crate) fn is_active(&self) -> bool {
        self.status == AccountStatus::Active
    }
}

impl fmt::Debug for TenantView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantView")
            .field("id", &self.id)
            .field("name", &self.tenant.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").field("assistant", &self.assistant.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
