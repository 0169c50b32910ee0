//! A sandbox and a client for it.

use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions, TwilioFault, TwilioRule};
use std::{future::Future, time::Duration};
use twilio_rest::{Account, AccountSid, Credentials, RetryOptions, TwilioClient, TwilioOptions};

pub(crate) const NUMBER: &str = "+15550100";
pub(crate) const CALLEE: &str = "+15550142";

pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: TwilioClient,
    pub(crate) account: Account,
}

/// Waits are short, so that nothing has to be waited for.
pub(crate) fn options(base_url: &str) -> TwilioOptions {
    TwilioOptions {
        answer: Duration::from_secs(5),
        settle: Duration::from_millis(60),
        settle_poll: Duration::from_millis(20),
        retry: RetryOptions { first: Duration::from_millis(5), ..RetryOptions::default() },
        ..TwilioOptions::at(base_url.parse().unwrap())
    }
}

pub(crate) fn credentials(account_sid: &AccountSid, token: &str) -> Credentials {
    Credentials::AuthToken { account_sid: account_sid.clone(), auth_token: Secret::new(token) }
}

pub(crate) fn main_sid() -> AccountSid {
    format!("AC{}", "0".repeat(32)).parse().unwrap()
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub(crate) async fn with(change: impl FnOnce(TwilioOptions) -> TwilioOptions) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let client = TwilioClient::new(change(options(&sandbox.base_url()))).unwrap();
        let account = client.account(credentials(&main_sid(), "sandbox"));
        Self { sandbox, client, account }
    }

    /// The next `times` requests of this kind go wrong.
    pub(crate) fn fail(&self, resource: &str, method: &str, times: u32, fault: TwilioFault) {
        let rule = TwilioRule {
            resource: resource.to_owned(),
            method: Some(method.to_owned()),
            times: Some(times),
            fault: Some(fault),
            ..TwilioRule::default()
        };
        self.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    }

    /// How many things of a kind the sandbox's main account has.
    pub(crate) fn count(&self, shelf: &str) -> usize {
        self.sandbox.twilio()[main_sid().as_str()][shelf].as_array().map_or(0, Vec::len)
    }
}

/// Asks until it is so. Whoever calls is ended by the test's own limit if it never is.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let asking = async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it never became so")
}
