//! The way out to the carrier, the way in through the public address, and the clock.

use super::{Findings, Patient};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{Response, header};
use std::{error::Error, time::Duration};

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Clocks may lie so far apart; softphones' tokens begin at the second they are made.
const SKEW_MAX: Duration = Duration::from_secs(5);

pub(super) async fn check(patient: &Patient, findings: &mut Findings) {
    let carrier = &patient.config.tenant.twilio.base_url;
    match get(patient, carrier).await {
        Ok(response) => {
            findings.ok("carrier", format!("{carrier} is reached, and its certificate is trusted"));
            clock(&response, findings);
        }
        Err(cause) => findings.failed(
            "carrier",
            format!("{carrier} is not reached: {cause}"),
            "no call can be placed, transferred or ended, and no number bought",
            "look at the firewall, the resolver and TLS interception: only public certificate authorities are trusted",
        ),
    }
    let Some(public) = &patient.config.base_url else {
        return findings.warning(
            "address",
            "base_url is not set, so nothing is known of the public address",
            "the carrier has to reach this server, and signs the address it called",
            "set base_url (BASE_URL) to the https:// address under which the carrier reaches this server",
        );
    };
    let health = format!("{public}/healthz");
    match get(patient, &health).await {
        Ok(response) if response.status().is_success() => {
            findings.ok("address", format!("{public} leads to a server that runs"));
        }
        Ok(response) => findings.failed(
            "address",
            format!("{health} answers {}", response.status()),
            "the carrier's webhooks go to that address",
            "let the proxy lead base_url to this server, and start the server",
        ),
        Err(cause) => findings.failed(
            "address",
            format!("{public} is not reached from here: {cause}"),
            "the carrier's webhooks go to that address; callers hear an error",
            "look at the name, the proxy, the certificate and the firewall; if only this machine cannot reach it, ask from outside",
        ),
    }
}

async fn get(patient: &Patient, url: &str) -> Result<Response, String> {
    let asked = tokio::time::timeout(LIMIT, patient.http.get(url).send()).await;
    asked.map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))?.map_err(|error| cause(&error))
}

/// The innermost cause, which is what can be mended.
pub(super) fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The carrier's clock is right.
fn clock(response: &Response, findings: &mut Findings) {
    let told = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(there) = told.and_then(|date| rfc2822::parse(date).ok()).map(|date| date.timestamp()) else {
        return findings.warning(
            "clock",
            "the carrier did not say what time it is",
            "softphones' tokens and signed links depend on a right clock",
            "compare the clock with `timedatectl`",
        );
    };
    let apart = Timestamp::now().duration_since(there).unsigned_abs();
    if apart <= SKEW_MAX {
        return findings.ok("clock", format!("within {} s of the carrier's", SKEW_MAX.as_secs()));
    }
    findings.failed(
        "clock",
        format!("{} s apart from the carrier's", apart.as_secs()),
        "softphones' tokens are refused (20157) and signed links end too early or too late",
        "let the machine keep time by NTP (`timedatectl set-ntp true`)",
    );
}
