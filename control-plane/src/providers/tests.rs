use super::*;

fn services() -> Services {
    let offer =
        |model: &str, voice: Option<&str>| Offer { model: model.to_owned(), voice: voice.map(str::to_owned) };
    Services {
        clients: Arc::default(),
        addresses: BTreeMap::new(),
        access: BTreeMap::new(),
        stt: Stage {
            offers: [(Service::Deepgram, offer("listener", None))].into(),
            order: vec![Service::Deepgram],
        },
        llm: Stage {
            offers: [(Service::Anthropic, offer("a", None)), (Service::Openai, offer("o", None))].into(),
            order: vec![Service::Anthropic, Service::Openai],
        },
        tts: Stage {
            offers: [
                (Service::Elevenlabs, offer("e", Some("house"))),
                (Service::Openai, offer("speech", Some("alloy"))),
            ]
            .into(),
            order: vec![Service::Elevenlabs, Service::Openai],
        },
    }
}

fn reached(key: &str) -> impl Fn(Service) -> Vec<Access> {
    move |service| {
        vec![Access {
            base_url: format!("https://{}.example", service.name()).parse().unwrap(),
            api_key: Some(Secret::new(key)),
            dialect: Dialect::default(),
        }]
    }
}

fn choice(service: Service, voice: Option<&str>) -> Choice {
    Choice { service, model: None, voice: voice.map(str::to_owned) }
}

#[test]
fn an_assistant_that_chooses_nobody_gets_the_usual_ones() {
    let providers = services().providers([&[], &[], &[]], None, reached("k")).unwrap();
    assert_eq!(providers.lacking(), None);
    assert_eq!((providers.stt.len(), providers.llm.len(), providers.tts.len()), (1, 2, 2));
    let voices: Vec<_> = providers.tts.iter().map(|voice| voice.voice.as_deref()).collect();
    assert_eq!(voices, [Some("house"), Some("alloy")]);
}

#[test]
fn an_assistants_voice_is_for_its_first_speaker_alone() {
    let voices = |tts: &[Choice]| -> Vec<_> {
        let providers = services().providers([&[], &[], tts], Some("alto"), reached("k")).unwrap();
        providers.tts.into_iter().map(|voice| voice.voice.unwrap()).collect()
    };
    assert_eq!(voices(&[]), ["alto", "alloy"]);
    let turned = [choice(Service::Openai, None), choice(Service::Elevenlabs, Some("bass"))];
    assert_eq!(voices(&turned), ["alto", "bass"]);
}

#[test]
fn a_service_is_not_asked_for_what_it_cannot_do() {
    let speaks = [choice(Service::Elevenlabs, None)];
    let providers = services().providers([&speaks, &speaks, &[]], None, reached("k")).unwrap();
    assert_eq!(providers.lacking(), Some("speech recognition"));
    assert!(providers.llm.is_empty());
}

#[test]
fn calls_with_the_same_key_share_a_client_and_others_do_not() {
    let services = services();
    let llm = |key: &str| services.providers([&[], &[], &[]], None, reached(key)).unwrap().llm;
    let (first, same, other) = (llm("one"), llm("one"), llm("two"));
    assert!(Arc::ptr_eq(&first[0], &same[0]) && Arc::ptr_eq(&first[1], &same[1]));
    assert!(!Arc::ptr_eq(&first[0], &other[0]));
}
