use super::*;
use serde_json::{Map, Value, json};

fn template() -> Template {
    serde_json::from_value(json!({
        "category": "appointment",
        "default_language": "en",
        "variables": {
            "name": { "kind": "text", "example": "Ann" },
            "day": { "kind": "date", "example": "2026-11-21" },
            "price": { "kind": "money", "optional": true },
            "link": { "kind": "url", "default": "https://example.com/" },
            "guests": { "kind": "number", "default": 2 },
        },
        "languages": {
            "en": {
                "sms": "Hi {{ name }}, see you on {{ day|date('%d %B') }}{% if price %} for {{ price|money }}{% endif %}. {{ link }}",
                "email": { "subject": "{{ name }}: your visit", "text": "Hello {{ name }}", "html": "<p>Hello {{ name }}</p>" },
                "whatsapp": { "text": "Hi {{ name }}", "approved": { "id": "HX000", "variables": { "1": "{{ name }}", "2": "{{ guests }}" } } },
                "push": { "title": "Your visit", "body": "{{ day }}" },
            },
            "fr": { "sms": "Bonjour {{ name }}" },
            "fr-CA": { "voice": "Bonjour {{ name }}" },
        }
    }))
    .unwrap()
}

fn values(values: Value) -> Map<String, Value> {
    values.as_object().unwrap().clone()
}

fn ann() -> Map<String, Value> {
    values(json!({ "name": "Ann <b>", "day": "2026-11-21" }))
}

fn sms(source: &str, given: Value) -> Result<String, RenderError> {
    let mut template = template();
    template.languages.get_mut("en").unwrap().sms = Some(source.to_owned());
    match template.render(Channel::Sms, "en", &values(given))?.content {
        Content::Sms { text } => Ok(text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_template_is_filled_in_for_its_channel() {
    let template = template();
    assert_eq!(template.check(), Ok(()));
    let rendered = template.render(Channel::Sms, "en", &ann()).unwrap();
    let text = "Hi Ann <b>, see you on 21 November. https://example.com/".to_owned();
    assert_eq!(rendered, Rendered { language: "en".to_owned(), content: Content::Sms { text } });
    let mut with_price = ann();
    with_price.insert("price".to_owned(), json!({ "amount": "12.50", "currency": "USD" }));
    let Content::Sms { text } = template.render(Channel::Sms, "en", &with_price).unwrap().content else {
        panic!()
    };
    assert!(text.contains("for 12.50 USD."), "{text}");
}

#[test]
fn html_alone_is_escaped() {
    let Content::Email { subject, text, html } =
        template().render(Channel::Email, "en", &ann()).unwrap().content
    else {
        panic!()
    };
    assert_eq!((subject.as_str(), text.as_str()), ("Ann <b>: your visit", "Hello Ann <b>"));
    assert_eq!(html.unwrap(), "<p>Hello Ann &lt;b&gt;</p>");
}

#[test]
fn a_language_falls_back_to_a_wider_one_and_then_to_the_default_for_each_channel() {
    let template = template();
    let language =
        |channel, wanted| template.render(channel, wanted, &ann()).map(|rendered| rendered.language);
    assert_eq!(language(Channel::Sms, "fr-CA").unwrap(), "fr");
    assert_eq!(language(Channel::Voice, "FR_ca").unwrap(), "fr-CA");
    assert_eq!(language(Channel::Email, "fr-CA").unwrap(), "en");
    assert_eq!(language(Channel::Sms, "es").unwrap(), "en");
    assert_eq!(language(Channel::Voice, "es"), Err(RenderError::NoText(Channel::Voice)));
}

#[test]
fn whatsapp_has_a_text_and_the_providers_template() {
    let Content::Whatsapp { text, approved } =
        template().render(Channel::Whatsapp, "en", &ann()).unwrap().content
    else {
        panic!()
    };
    assert_eq!(text.unwrap(), "Hi Ann <b>");
    let approved = approved.unwrap();
    assert_eq!(
        (approved.id.as_str(), approved.variables["1"].as_str(), approved.variables["2"].as_str()),
        ("HX000", "Ann <b>", "2")
    );
}

#[test]
fn every_wrong_variable_is_named_and_no_value_is_told() {
    let given = values(
        json!({ "day": "tomorrow", "price": { "amount": "12,50", "currency": "USD" }, "nmae": "Ann" }),
    );
    let error = template().render(Channel::Sms, "en", &given).unwrap_err();
    let RenderError::Variables(errors) = &error else { panic!("{error:?}") };
    let names: Vec<_> = errors.iter().map(VariableError::name).collect();
    assert_eq!(names, ["nmae", "day", "name", "price"]);
    let said = error.to_string();
    assert!(said.contains("variable \"name\" is missing") && !said.contains("tomorrow"), "{said}");
}

#[test]
fn values_must_be_of_their_kind() {
    let good = [
        ("text", json!("")),
        ("number", json!(1.5)),
        ("bool", json!(false)),
        ("date", json!("2026-11-21T10:00:00Z")),
        ("money", json!({ "amount": "-3", "currency": "MXN" })),
        ("url", json!("https://example.com/a?b=c")),
        ("phone", json!("+12125550100")),
    ];
    let bad = [
        ("text", json!(1)),
        ("text", json!("a".repeat(4_097))),
        ("number", json!("1")),
        ("bool", json!("yes")),
        ("date", json!("21.11.2026")),
        ("date", json!("2026-13-01")),
        ("money", json!({ "amount": 3, "currency": "MXN" })),
        ("money", json!({ "amount": "3" })),
        ("money", json!({ "amount": "3", "currency": "pesos" })),
        ("url", json!("javascript:alert(1)")),
        ("url", json!("https://")),
        ("url", json!("https://example.com/\"onload")),
        ("phone", json!("2125550100")),
        ("text", json!(["a"])),
    ];
    for (cases, fine) in [(good.as_slice(), true), (bad.as_slice(), false)] {
        for (kind, value) in cases {
            let mut template = template();
            let variable = json!({ "kind": kind, "example": value });
            template.variables.insert("it".to_owned(), serde_json::from_value(variable).unwrap());
            assert_eq!(template.check().is_ok(), fine, "{kind} {value}");
            let mut given = ann();
            given.insert("it".to_owned(), value.clone());
            assert_eq!(template.render(Channel::Sms, "en", &given).is_ok(), fine, "{kind} {value}");
        }
    }
}

#[test]
fn a_preview_shows_the_examples() {
    let Content::Push { title, body } = template().preview(Channel::Push, "en").unwrap().content else {
        panic!()
    };
    assert_eq!((title.as_str(), body.as_str()), ("Your visit", "2026-11-21"));
    let mut template = template();
    template.variables.get_mut("name").unwrap().example = None;
    let error = template.preview(Channel::Sms, "en").unwrap_err();
    assert_eq!(error, RenderError::Variables(vec![VariableError::Missing("name".to_owned())]));
}

#[test]
fn a_variable_that_is_not_declared_is_found_before_anything_is_sent() {
    let mut template = template();
    template.languages.get_mut("fr").unwrap().sms =
        Some("Bonjour {% if guests %}{{ nom }}{% endif %}".to_owned());
    let faults = template.check().unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].to_string(), "/languages/fr/sms: variable \"nom\" is not declared");
    assert!(matches!(template.render(Channel::Sms, "fr", &ann()), Err(RenderError::Text(_))));
    template.default_language = "de".to_owned();
    assert_eq!(template.check().unwrap_err().len(), 2);
}

#[test]
fn a_subject_has_one_line() {
    let given = values(json!({ "name": "Ann\r\nBcc: all@example.com", "day": "2026-11-21" }));
    let error = template().render(Channel::Email, "en", &given).unwrap_err();
    assert_eq!(error.to_string(), "/languages/en/email/subject: it must be one line");
}

#[test]
fn a_template_cannot_make_itself_large_or_slow() {
    let given = || json!({ "name": "a".repeat(4_000), "day": "2026-11-21" });
    let large = "{{ name }}".repeat(100);
    let said = |source: &str| sms(source, given()).unwrap_err().to_string();
    assert!(said(&large).contains("more than"));
    assert!(said(&"a".repeat(70_000)).contains("longer than"));
    for source in [
        "{% for a in [1, 2] %}{% endfor %}",
        "{{ name ~ name }}",
        "{{ name + name }}",
        "{{ 'a' * 1000000000 }}",
        "{% set a = name %}",
        "{% macro a() %}{% endmacro %}",
        "{% with a = name %}{% endwith %}",
        "{% include 'x' %}",
        "{{ name|replace('a', 'aaaa') }}",
        "{{ range(10) }}",
        "{{ name",
        "{{ day|date('%1000000000d') }}",
        "{%- filter upper %}{% endfilter %}",
        "{{ name.secret }}",
        "{{ guests / 0 }}",
    ] {
        assert!(matches!(sms(source, given()), Err(RenderError::Text(_))), "{source}");
    }
    assert_eq!(
        sms("1 + 1 * 2 ~ {# {{ a ~ b }} #}{{ 'x ~ y' }} {{ guests }}{", given()).unwrap(),
        "1 + 1 * 2 ~ x ~ y 2{"
    );
}

proptest::proptest! {
    #[test]
    fn no_source_makes_it_panic(source in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}|[a-z'\"|. ~]|name|if|in|é){0,30}") {
        let _ignored = sms(&source, json!({ "name": "Ann", "day": "2026-11-21" }));
    }
}
