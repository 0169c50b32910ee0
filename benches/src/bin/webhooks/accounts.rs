//! Accounts at the stand-in carrier, so that the servers' questions how they are get true answers.

use engine::provider::http::{HttpOptions, http_client};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

/// Requests at the same time.
const AT_ONCE: usize = 8;

/// A carrier account.
#[derive(Clone, Deserialize)]
pub struct Account {
    pub sid: String,
    pub auth_token: String,
}

/// So many accounts.
pub async fn make(carrier: &str, count: usize) -> Vec<Account> {
    let client = http_client(HttpOptions::default()).unwrap();
    let url = format!("{carrier}/2010-04-01/Accounts.json");
    let made = stream::iter(0..count).map(|number| {
        let request = client
            .post(&url)
            .basic_auth("AC00000000000000000000000000000000", Some("sandbox"))
            .form(&[("FriendlyName", format!("Tenant {number}"))]);
        async { request.send().await?.error_for_status()?.json::<Account>().await }
    });
    made.buffer_unordered(AT_ONCE).try_collect().await.unwrap()
}
