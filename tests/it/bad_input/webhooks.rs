//! Webhooks that the carrier did not send, or sent wrongly.

use super::{
    beside_a_good_call,
    stranger::{Stranger, new_call_sid},
};
use fixtures::carrier::sign;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

const HOOKS: [&str; 21] = [
    "/api/voice/incoming",
    "/hooks/twilio/voice",
    "/api/twilio/voice",
    "/api/voice/stream-ended",
    "/hooks/twilio/stream-ended",
    "/api/voice/status",
    "/hooks/twilio/call-status",
    "/api/voice/dial-status",
    "/hooks/twilio/dial-status",
    "/api/voice/emergency-recording",
    "/hooks/twilio/emergency-recording",
    "/api/voice/recording-complete",
    "/api/voice/transcription-complete",
    "/api/voice/recording-status",
    "/api/voice/gather/CA0",
    "/hooks/twilio/whisper",
    "/hooks/twilio/queue-wait",
    "/hooks/twilio/queue-key",
    "/hooks/twilio/queue-ended",
    "/hooks/twilio/queue-offered",
    "/hooks/twilio/voice?x=1",
];

async fn is_problem(answer: Response, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status().as_u16(), status, "{what}");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code, "{what}: {problem}");
}

impl Stranger<'_> {
    async fn posted(&self, path: &str, parameters: &[(String, String)], token: &str) -> Response {
        let url = self.url(path);
        self.post(&url, parameters, Some(&sign(token, &url, parameters))).await
    }
}

#[test]
fn a_webhook_is_believed_only_with_the_accounts_own_signature() {
    beside_a_good_call(async |stranger| {
        let token = stranger.carrier.auth_token.clone();
        let parameters = stranger.call_parameters(&new_call_sid());
        for path in HOOKS {
            let url = stranger.url(path);
            let right = sign(&token, &url, &parameters);
            let with_other_caller: Vec<_> = parameters
                .iter()
                .map(|(name, value)| {
                    (name.clone(), if name == "From" { "+15555550199".to_owned() } else { value.clone() })
                })
                .collect();
            let of_other_account: Vec<_> =
                parameters.iter().map(|(name, value)| (name.clone(), value.replace("AC0", "AC1"))).collect();
            for (what, sent, signature) in [
                ("no signature", &parameters, None),
                ("an empty signature", &parameters, Some(String::new())),
                ("no base64", &parameters, Some("%%%".to_owned())),
                ("a signature of 10 kB", &parameters, Some("A".repeat(10_000))),
                ("another token", &parameters, Some(sign("other", &url, &parameters))),
                ("an empty token", &parameters, Some(sign("", &url, &parameters))),
                ("another page", &parameters, Some(sign(&token, &stranger.url("/other"), &parameters))),
                ("other parameters", &with_other_caller, Some(right.clone())),
                ("another account", &of_other_account, Some(sign(&token, &url, &of_other_account))),
                ("no parameters", &Vec::new(), Some(sign(&token, &url, &[]))),
            ] {
                let answer = stranger.post(&url, sent, signature.as_deref()).await;
                is_problem(answer, 403, "invalid_signature", &format!("{path}: {what}")).await;
            }
            // The same with GET, and as JSON with and without the hash that must be in the URL.
            let get = stranger
                .http
                .get(reqwest::Url::parse_with_params(&url, &parameters).unwrap())
                .header("x-twilio-signature", right.clone());
            is_problem(get.send().await.unwrap(), 403, "invalid_signature", "GET").await;
            let body = json!({"AccountSid": stranger.carrier.account_sid, "CallSid": "CA1"}).to_string();
            for url in
                [url.clone(), format!("{url}{}bodySHA256=00", if url.contains('?') { '&' } else { '?' })]
            {
                let request = stranger.http.post(&url).header("content-type", "application/json");
                let request =
                    request.header("x-twilio-signature", sign(&token, &url, &[])).body(body.clone());
                is_problem(request.send().await.unwrap(), 403, "invalid_signature", "JSON").await;
            }
        }
        // Nothing of it has made a call.
        let calls: Value = stranger.rehearsal.get("/v1/calls").await.unwrap();
        assert_eq!(calls["data"].as_array().unwrap().len(), 1, "{calls}");
    });
}

#[test]
fn what_the_carrier_signs_and_makes_no_sense_is_a_problem_and_no_call() {
    beside_a_good_call(async |stranger| {
        let token = stranger.carrier.auth_token.clone();
        let good = stranger.call_parameters(&new_call_sid());
        let with = |name: &str, value: Option<&str>| {
            let mut parameters: Vec<_> = good.iter().filter(|(known, _)| known != name).cloned().collect();
            parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
            parameters
        };
        for (what, parameters, status, code) in [
            ("another number", with("To", Some("+15555550999")), 404, "number_unknown"),
            ("no number", with("To", None), 400, "invalid_request"),
            ("a number that is none", with("To", Some("\u{0}\u{7f}\"<x>")), 404, "number_unknown"),
            ("no call", with("CallSid", None), 400, "invalid_request"),
            ("an empty call", with("CallSid", Some("")), 400, "invalid_request"),
        ] {
            let answer = stranger.posted("/api/voice/incoming", &parameters, &token).await;
            is_problem(answer, status, code, what).await;
        }
        let status = with("CallStatus", None);
        let answer = stranger.posted("/api/voice/status", &status, &token).await;
        is_problem(answer, 400, "invalid_request", "no status").await;
        let answer = stranger.posted("/api/voice/status", &with("CallStatus", Some("melted")), &token).await;
        assert_eq!(answer.status(), StatusCode::OK, "a status of tomorrow");
        // Callers that hide their number, or write markup into their name, are calls like any other.
        for (name, from) in
            [("From", ""), ("From", "anonymous"), ("From", "\"><Hangup/>\u{1}"), ("CallerName", "]]>")]
        {
            let mut parameters = with(name, Some(from));
            for (known, value) in &mut parameters {
                if known == "CallSid" {
                    *value = new_call_sid();
                }
            }
            let answer = stranger.posted("/api/voice/incoming", &parameters, &token).await;
            assert_eq!(answer.status(), StatusCode::OK, "{from}");
            let twiml = answer.text().await.unwrap();
            assert!(twiml.contains("<Stream ") && !twiml.contains("Hangup"), "{twiml}");
        }
        // The same name twice with two values: the signature does not say which is meant.
        let mut twice = good.clone();
        twice.push(("To".to_owned(), "+15555550999".to_owned()));
        let answer = stranger.posted("/api/voice/incoming", &twice, &token).await;
        is_problem(answer, 400, "invalid_request", "two numbers").await;
    });
}

#[test]
fn bodies_that_are_too_large_of_another_kind_or_broken_are_refused_before_anything_is_believed() {
    beside_a_good_call(async |stranger| {
        let url = stranger.url("/api/voice/incoming");
        let form = "application/x-www-form-urlencoded";
        for (what, kind, body, status, code) in [
            ("too large", form, "a=".to_owned() + &"x".repeat(70_000), 413, "body_too_large"),
            ("a picture", "image/png", "x".to_owned(), 415, "unsupported_media_type"),
            ("broken JSON", "application/json", "{".to_owned(), 400, "invalid_request"),
            ("a JSON array", "application/json", "[1]".to_owned(), 400, "invalid_request"),
            ("deep JSON", "application/json", "{\"a\":".repeat(10_000), 400, "invalid_request"),
            ("10,000 parameters", form, "a&".repeat(10_000), 403, "invalid_signature"),
            ("a name of 60 kB", form, "x".repeat(60_000), 403, "invalid_signature"),
            ("no UTF-8", form, "AccountSid=%ff%fe&%ff=%00".to_owned(), 403, "invalid_signature"),
        ] {
            let request = stranger.http.post(&url).header("content-type", kind).body(body);
            is_problem(request.send().await.unwrap(), status, code, what).await;
        }
    });
}
