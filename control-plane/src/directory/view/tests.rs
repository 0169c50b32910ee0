use super::*;
use crate::providers::Voice;
use engine::{
    ids::AssistantId,
    provider::ProviderError,
    tts::{TtsSession, TtsSpec},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use store::model::{
    number::{Capabilities, Routing},
    tenant::TenantSettings,
};

/// Remembers which voice it was asked for.
#[derive(Debug, Default)]
struct Speaker(Mutex<Vec<String>>);

impl TtsProvider for Speaker {
    fn name(&self) -> &str {
        "speaker"
    }

    fn connect(&self, spec: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>> {
        self.0.lock().push(spec.voice);
        Box::pin(async { unreachable!("nobody waits for it") })
    }
}

fn number(e164: &str) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account: None,
        name: String::new(),
        status: NumberStatus::Active,
        primary: false,
        capabilities: Capabilities::default(),
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    }
}

pub(crate) fn assistant(id: &str) -> Assistant {
    Assistant {
        id: AssistantId(id.to_owned()),
        prompt: String::new(),
        greeting: Some("Hello!".to_owned()),
        idle_prompts: Vec::new(),
        goodbye: String::new(),
        apology: String::new(),
        tool_filler: String::new(),
        language: "en".to_owned(),
        voice: "alto".to_owned(),
        keyterms: Vec::new(),
        tools: Vec::new(),
        max_tokens: 100,
    }
}

/// A tenant with this assistant's voice provider, and with these numbers.
fn view(tts: Vec<Voice>, numbers: Vec<Number>) -> TenantView {
    let answerer = Answerer {
        assistant: Arc::new(assistant("asst_1")),
        providers: Arc::new(Providers { tts, ..Providers::default() }),
        remote_tools: HashMap::new(),
    };
    TenantView {
        numbers: numbers
            .into_iter()
            .map(|number| (number.e164.clone(), Arc::new(StoredNumber { id: NumberId::generate(), number })))
            .collect(),
        assistants: HashMap::from([("asst_1".to_owned(), answerer)]),
        default_assistant: Some("asst_1".to_owned()),
        ..empty(1_000)
    }
}

/// A tenant that takes so many bytes.
pub(crate) fn empty(bytes: usize) -> TenantView {
    TenantView {
        id: "ten_1".into(),
        tenant: Tenant {
            name: "A tenant".to_owned(),
            slug: "a".to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        },
        texts: CarrierTexts::default(),
        record: true,
        transfer_targets: HashMap::from([("Sales".to_owned(), "+15550142".to_owned())]),
        accounts: Vec::new(),
        numbers: HashMap::new(),
        assistants: HashMap::new(),
        default_assistant: None,
        call_from: None,
        book: Book::default(),
        bytes,
    }
}

/// Somebody who answers, for tests of what happens to calls.
pub(crate) fn answering() -> Answering {
    view(Vec::new(), Vec::new()).answering("asst_1", "").unwrap()
}

#[test]
fn calls_are_handed_only_to_those_the_tenant_knows() {
    let tenant = empty(0);
    for known in ["Sales", "sales ", "+15550142", "+1 555-0142"] {
        assert_eq!(tenant.transfer_number(known), Some("+15550142"), "{known}");
    }
    for unknown in ["Support", "+15550143", "", "5550142"] {
        assert_eq!(tenant.transfer_number(unknown), None, "{unknown}");
    }
}

#[test]
fn a_numbers_greeting_and_voice_come_before_the_assistants() {
    let speaker = Arc::new(Speaker::default());
    let voice = |voice: &str| Voice { provider: Arc::clone(&speaker) as _, voice: Some(voice.to_owned()) };
    let own = Number {
        greeting: Some("Bonjour !".to_owned()),
        voice: Some("bass".to_owned()),
        ..number("+15550199")
    };
    let view = view(vec![voice("alto"), voice("spare")], vec![own, number("+15550198")]);
    let connect = |own_number: &str| {
        let answering = view.answering("asst_1", own_number).unwrap();
        for provider in &answering.tts {
            drop(provider.connect(TtsSpec { voice: String::new(), language: "en".to_owned() }));
        }
        let assistant = &answering.assistant;
        (assistant.greeting.clone().unwrap(), assistant.voice.clone(), std::mem::take(&mut *speaker.0.lock()))
    };
    let voices = |voices: [&str; 2]| voices.map(str::to_owned).to_vec();
    assert_eq!(connect("+15550199"), ("Bonjour !".to_owned(), "bass".to_owned(), voices(["bass", "spare"])));
    assert_eq!(connect("+15550198"), ("Hello!".to_owned(), "alto".to_owned(), voices(["alto", "spare"])));
}

#[test]
fn the_tenants_own_assistant_answers_for_one_that_is_gone() {
    let view = view(Vec::new(), Vec::new());
    assert_eq!(view.answering("asst_2", "").unwrap().assistant.id.0, "asst_1");
    assert!(empty(0).answering("asst_2", "").is_none());
}
