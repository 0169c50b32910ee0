//! No secret is seen in what is printed, answered or stored.

use crate::support::*;
use engine::{ports::CallEvent, provider::Secret};

#[tokio::test]
async fn no_secret_is_printed_or_answered_or_stored() {
    let secrets = ["tool-secret", "previous-token", "shared-key", TOKEN];
    let mut printed = String::new();
    let harness = Harness::with(|settings| {
        let tenant = &mut settings.tenant;
        tenant.twilio.previous_auth_token = Some(Secret::new("previous-token"));
        tenant.twilio.shared_keys.insert("webhooks_sharedkey_1".to_owned(), Secret::new("shared-key"));
        tenant.remote_tools.insert("lookup".to_owned(), remote_tool("https://tools.example.test/"));
        printed = format!("{tenant:?}");
    })
    .await;
    let call = harness.streaming("CA1").await;
    harness.tell(&call, CallEvent::StreamLost);
    harness.call_when(&call, |call| call["events"].as_array().is_some_and(|events| events.len() == 3)).await;
    printed.push_str(&format!("{:?}", harness.plane));
    for path in ["/v1/calls", &format!("/v1/calls/{call}"), "/metrics", "/readyz", "/nowhere"] {
        printed.push_str(harness.get(path).await.text());
    }
    assert!(printed.contains("ten_1") && printed.contains("CA1"));
    let mut stored = Vec::new();
    for file in std::fs::read_dir(&harness.folder.0).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    let embedded = harness.folder.0.join("tandem.db").exists();
    assert_eq!(contains(&stored, b"CA1"), embedded, "a PostgreSQL server's files are elsewhere");
    for secret in secrets.into_iter().chain([harness.key.as_str()]) {
        assert!(!printed.contains(secret), "printed: {printed}");
        assert!(!contains(&stored, secret.as_bytes()));
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
