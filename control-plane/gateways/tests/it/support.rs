//! A sandbox and clients for it.

use engine::provider::Secret;
use fixtures::sandbox::{GatewayFault, GatewayRule, Sandbox, SandboxOptions};
use gateways::{
    onesignal::{App, AppCredentials, OneSignalClient, OneSignalOptions},
    whapi::{Channel, NewText, WhapiClient, WhapiOptions},
};
use std::{future::Future, time::Duration};

pub(crate) const TO: &str = "15551230000";

pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) whapi: WhapiClient,
    pub(crate) onesignal: OneSignalClient,
}

pub(crate) fn whapi_options(base_url: &str) -> WhapiOptions {
    let options = WhapiOptions::at(format!("{base_url}/whapi").parse().unwrap());
    WhapiOptions { answer: Duration::from_secs(20), ..options }
}

pub(crate) fn onesignal_options(base_url: &str) -> OneSignalOptions {
    OneSignalOptions::at(format!("{base_url}/onesignal").parse().unwrap())
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options, |options| options).await
    }

    pub(crate) async fn with(
        whapi: impl FnOnce(WhapiOptions) -> WhapiOptions,
        onesignal: impl FnOnce(OneSignalOptions) -> OneSignalOptions,
    ) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let base_url = sandbox.base_url();
        Self {
            whapi: WhapiClient::new(whapi(whapi_options(&base_url))).unwrap(),
            onesignal: OneSignalClient::new(onesignal(onesignal_options(&base_url))).unwrap(),
            sandbox,
        }
    }

    /// One of the sandbox's channels, 1 to 3.
    pub(crate) fn channel(&self, number: u32) -> Channel {
        self.whapi.channel(Secret::new(&format!("sandbox-whapi-{number}")))
    }

    /// The first channel, for a client that waits as long as it takes.
    pub(crate) fn patient_channel(&self) -> Channel {
        let client = WhapiClient::new(whapi_options(&self.sandbox.base_url())).unwrap();
        client.channel(Secret::new("sandbox-whapi-1"))
    }

    /// The app, for a client that waits as long as it takes.
    pub(crate) fn patient_app(&self) -> App {
        let client = OneSignalClient::new(onesignal_options(&self.sandbox.base_url())).unwrap();
        client.app(credentials("sandbox-onesignal"))
    }

    pub(crate) fn app(&self) -> App {
        self.app_with("sandbox-onesignal")
    }

    pub(crate) fn app_with(&self, key: &str) -> App {
        self.onesignal.app(credentials(key))
    }

    /// The next request to Whapi whose path begins so goes wrong.
    pub(crate) fn fail_whapi(&self, path: &str, fault: GatewayFault) {
        self.sandbox.knobs().change(|knobs| knobs.whapi_api.rules = vec![once(path, fault)]);
    }

    /// The next request to OneSignal whose path begins so goes wrong.
    pub(crate) fn fail_onesignal(&self, path: &str, fault: GatewayFault) {
        self.sandbox.knobs().change(|knobs| knobs.onesignal_api.rules = vec![once(path, fault)]);
    }

    /// Messages that a channel of the sandbox's has.
    pub(crate) fn messages(&self, channel: u32) -> usize {
        self.sandbox.whapi()[format!("SANDBOX-{channel}")]["messages"].as_array().map_or(0, Vec::len)
    }

    /// Notifications that the sandbox has.
    pub(crate) fn notifications(&self) -> usize {
        self.sandbox.onesignal().as_object().map_or(0, serde_json::Map::len)
    }
}

fn credentials(key: &str) -> AppCredentials {
    let app_id = "00000000-0000-4000-8000-000000000001".to_owned();
    AppCredentials { app_id, api_key: Secret::new(key) }
}

fn once(path: &str, fault: GatewayFault) -> GatewayRule {
    GatewayRule { path: path.to_owned(), times: Some(1), fault: Some(fault), ..GatewayRule::default() }
}

pub(crate) fn error(status: u16, retry_after_ms: Option<u64>) -> GatewayFault {
    GatewayFault::Error { status, retry_after_ms }
}

pub(crate) fn text(body: &str) -> NewText {
    NewText { to: TO.to_owned(), body: body.to_owned(), ..NewText::default() }
}

/// Faults after which nobody knows what was done, and whether it was.
pub(crate) fn unknown_outcomes() -> Vec<(GatewayFault, bool)> {
    vec![
        (GatewayFault::Refuse, false),
        (GatewayFault::Html { status: 502 }, false),
        (error(500, None), false),
        (error(503, None), false),
        (GatewayFault::LoseAnswer, true),
        (GatewayFault::NeverAnswer, true),
        (GatewayFault::OtherShape, true),
        (GatewayFault::Garbage, true),
        (GatewayFault::Endless, true),
    ]
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
