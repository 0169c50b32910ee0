//! `tandem doctor`: finds out why calls do not come in.

use super::{Failure, Outcome, runtime, serve::configuration, store::open_store, tool_log, write_out};
use crate::{
    cli::Doctor,
    doctor::{Findings, Patient, examine},
    wiring,
};
use engine::provider::http::{HttpOptions, http_client};
use provisioning::{Provisioner, ProvisionerOptions, Settings};
use serde_json::json;
use std::sync::Arc;
use twilio_rest::TwilioClient;
use url::Url;
use vault::Vault;

/// One thread waits for answers, one is enough for all else.
const THREADS: usize = 1;

pub(super) fn run(doctor: &Doctor) -> Result<Outcome, Failure> {
    tool_log();
    let config = configuration(doctor.config.as_deref())?;
    let ring = config.known_key_ring()?;
    runtime(Some(THREADS))?.block_on(async {
        let store = open_store(&config).await?;
        let vault = Arc::new(Vault::new(Arc::clone(&store), ring));
        let settings = Settings {
            base_url: Url::parse(&config.public_url())?,
            product: "Tandem".to_owned(),
            outage_url: wiring::outage_url(&config)?,
            platform: wiring::platform_account(&config),
            configured: wiring::configured_account(&config),
            options: ProvisionerOptions::default(),
        };
        let client = TwilioClient::new(wiring::carrier_api(&config)?)?;
        let provisioner = Provisioner::new(Arc::clone(&store), Arc::clone(&vault), client, settings);
        let http = http_client(HttpOptions::default())?;
        let patient = Patient { config, store, vault, provisioner, http, fix: doctor.fix };
        let mut findings = Findings::default();
        examine(&patient, doctor.tenant.as_deref(), &mut findings).await;
        if doctor.json {
            write_out(format_args!(
                "{}\n",
                json!({ "sound": findings.is_sound(), "findings": findings.all })
            ))?;
        } else {
            for finding in &findings.all {
                write_out(format_args!("{finding}\n"))?;
            }
        }
        Ok(if findings.is_sound() { Outcome::Success } else { Outcome::NotAsExpected })
    })
}
