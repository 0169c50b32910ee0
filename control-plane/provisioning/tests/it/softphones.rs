//! Tokens of softphones.

use crate::support::{Setup, finish, order, subaccounts};
use base64_simd::URL_SAFE_NO_PAD;
use provisioning::ProvisionError;
use serde_json::Value;

#[tokio::test]
async fn a_token_is_the_subaccounts_and_good_for_an_hour() {
    let setup = Setup::new().await;
    let (tenant, id) = order(&*setup.store, &setup.provisioner, None).await;
    let early = setup.provisioner.softphone_token(&tenant, "usr_7", 1_000).await.unwrap_err();
    assert!(matches!(early, ProvisionError::NotSetUp(_)), "{early:?}");
    finish(&setup, &setup.provisioner, &tenant, &id).await;
    let made = setup.provisioner.softphone_token(&tenant, "usr_7", 1_000).await.unwrap();
    let payload = made.token.reveal().split('.').nth(1).unwrap();
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap();
    let world = setup.sandbox.twilio();
    let [sid] = &subaccounts(&world)[..] else { panic!("{world}") };
    assert_eq!(payload["sub"], sid.as_str());
    assert_eq!(payload["iss"], world[sid]["keys"][0]["sid"]);
    assert_eq!((payload["exp"].as_u64(), made.expires_at), (Some(4_600), 4_600));
    let voice = &payload["grants"]["voice"];
    assert_eq!(voice["outgoing"]["application_sid"], world[sid]["applications"][0]["sid"]);
    assert_eq!(voice["incoming"]["allow"], true);
    assert_eq!(payload["grants"]["identity"], "usr_7");
    assert!(!format!("{made:?}").contains(made.token.reveal()));
    let refused = setup.provisioner.softphone_token(&tenant, "a b", 1_000).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::Refused(_)), "{refused:?}");
}
