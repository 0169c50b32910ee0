use super::*;
use reqwest::header::HeaderValue;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn kind(status: u16, pairs: &[(&'static str, &'static str)], name: &str) -> ErrorKind {
    classify(StatusCode::from_u16(status).unwrap(), &headers(pairs), name)
}

#[test]
fn a_refusal_is_classified_for_what_follows() {
    assert_eq!(kind(401, &[], ""), ErrorKind::Auth);
    assert_eq!(kind(402, &[], "billing_error"), ErrorKind::Auth);
    assert_eq!(kind(404, &[], "not_found_error"), ErrorKind::Rejected);
    assert_eq!(kind(413, &[], ""), ErrorKind::Rejected);
    assert_eq!(kind(409, &[], ""), ErrorKind::Transient);
    assert_eq!(kind(529, &[], "overloaded_error"), ErrorKind::Transient);
    assert_eq!(kind(302, &[], ""), ErrorKind::Rejected);
    assert_eq!(kind(429, &[], "insufficient_quota"), ErrorKind::Auth);
    assert_eq!(kind(500, &[("x-should-retry", "false")], ""), ErrorKind::Rejected);
    assert_eq!(kind(400, &[("x-should-retry", "true")], ""), ErrorKind::Transient);
}

#[test]
fn the_asked_for_wait_is_read_in_every_spelling() {
    let limited = |after_ms| ErrorKind::RateLimited { after_ms };
    assert_eq!(kind(429, &[("retry-after", "2")], ""), limited(Some(2_000)));
    assert_eq!(kind(429, &[("retry-after", "0.25")], ""), limited(Some(250)));
    assert_eq!(kind(429, &[("retry-after", "9"), ("retry-after-ms", "70")], ""), limited(Some(70)));
    assert_eq!(kind(429, &[("retry-after", "soon")], ""), limited(None));
    assert_eq!(kind(429, &[("retry-after", "-1")], ""), limited(None));
    assert_eq!(kind(429, &[("retry-after", "inf")], ""), limited(None));
}

#[test]
fn error_bodies_of_all_providers_are_read() {
    let read = |body: &str| {
        let body = ErrorBody::parse(body.as_bytes());
        (body.name, body.text)
    };
    let both = |name: &str, text: &str| (name.to_owned(), format!("{name}: {text}"));
    assert_eq!(
        read(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        both("overloaded_error", "Overloaded")
    );
    assert_eq!(
        read(r#"{"error":{"type":"requests","code":"insufficient_quota","message":"pay"}}"#),
        both("insufficient_quota", "pay")
    );
    assert_eq!(read(r#"{"err_code":"INVALID_AUTH","err_msg":"no"}"#), both("INVALID_AUTH", "no"));
    assert_eq!(
        read(r#"{"detail":{"status":"voice_not_found","message":"who"}}"#),
        both("voice_not_found", "who")
    );
    assert_eq!(read(r#"{"error":"model is loading"}"#), (String::new(), "model is loading".into()));
    assert_eq!(read("<html>"), (String::new(), "<html>".into()));
}

#[test]
fn a_base_url_may_hold_the_version_or_not() {
    let url = |base: &str| versioned(&Url::parse(base).unwrap(), "messages").to_string();
    assert_eq!(url("https://api.anthropic.com"), "https://api.anthropic.com/v1/messages");
    assert_eq!(url("http://127.0.0.1:9/v1/"), "http://127.0.0.1:9/v1/messages");
    assert_eq!(url("http://127.0.0.1:9/anthropic"), "http://127.0.0.1:9/anthropic/v1/messages");

    let url = |base: &str| openai_endpoint(&Url::parse(base).unwrap(), "chat/completions").to_string();
    assert_eq!(url("http://127.0.0.1:11434"), "http://127.0.0.1:11434/v1/chat/completions");
    assert_eq!(url("https://api.groq.com/openai/v1"), "https://api.groq.com/openai/v1/chat/completions");
}

#[test]
fn the_client_is_built_without_the_systems_certificates() {
    http_client(HttpOptions::default()).expect("no certificate bundle is needed");
}
