//! Numbers are searched, bought once, adopted, given back.

use crate::support::{Setup, actor, count, finish, main_sid, order};
use engine::provider::Secret;
use fixtures::sandbox::TwilioFault;
use provisioning::{OwnAccount, ProvisionError, Purchase};
use serde_json::json;
use store::{
    TenantId,
    ids::{JobId, NumberId},
    model::{
        number::{Number, NumberStatus},
        work::JobStatus,
    },
};
use twilio_rest::{AvailableNumberFilter, NumberKind};

const E164: &str = "+15555550111";

/// A tenant in the carrier's main account, which has +15550100.
async fn tenant(setup: &Setup) -> TenantId {
    let own = OwnAccount { sid: main_sid(), auth_token: Secret::new("sandbox"), name: "Main".to_owned() };
    let (tenant, id) = order(&*setup.store, &setup.provisioner, Some(&own)).await;
    finish(setup, &setup.provisioner, &tenant, &id).await;
    tenant
}

async fn obtain(
    setup: &Setup,
    tenant: &TenantId,
    e164: &str,
    adopted: bool,
) -> Result<(NumberId, JobId), ProvisionError> {
    let account = setup.account(tenant).await.id;
    let purchase = Purchase { account, e164: e164.to_owned(), name: "Desk".to_owned(), adopted };
    let mut tx = setup.store.tenant(tenant).begin(&actor(), 2).await.unwrap();
    let (number, job) = setup.provisioner.obtain(&mut *tx, &purchase).await?;
    tx.commit().await.unwrap();
    Ok((number.id, job.id))
}

async fn number(setup: &Setup, tenant: &TenantId, id: &NumberId) -> Number {
    setup.store.tenant(tenant).get::<Number>(id).await.unwrap().unwrap().value
}

#[tokio::test]
async fn a_number_is_searched_bought_set_up_and_given_back() {
    let setup = Setup::new().await;
    let tenant = tenant(&setup).await;
    let filter = AvailableNumberFilter { area_code: Some(555), ..AvailableNumberFilter::default() };
    let offers = setup.provisioner.search(&tenant, None, "US", NumberKind::Local, &filter).await.unwrap();
    let e164 = offers[0].phone_number.clone();
    let (id, job) = obtain(&setup, &tenant, &e164, false).await.unwrap();
    assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Pending);
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Done);
    let row = number(&setup, &tenant, &id).await;
    assert_eq!(row.status, NumberStatus::Active);
    assert!(row.capabilities.voice && row.capabilities.sms);
    let world = setup.sandbox.twilio();
    let numbers = world[main_sid().as_str()]["numbers"].as_array().unwrap();
    let there = numbers.iter().find(|there| there["phone_number"] == e164.as_str()).unwrap();
    assert_eq!(there["sid"], row.carrier_sid.unwrap());
    for (setting, path) in
        [("voice_url", "incoming"), ("voice_fallback_url", "fallback"), ("status_callback", "status")]
    {
        assert_eq!(there[setting], format!("https://voice.example.test/api/voice/{path}"), "{setting}");
        let method = format!("{}_method", setting.trim_end_matches("_url"));
        assert_eq!(there[&method], "POST", "{method}");
    }
    assert_eq!(
        (&there["sms_url"], &there["sms_method"]),
        (&json!("https://voice.example.test/hooks/twilio/sms"), &json!("POST"))
    );

    let mut tx = setup.store.tenant(&tenant).begin(&actor(), 3).await.unwrap();
    setup.provisioner.release(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Undone);
    assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Released);
    assert_eq!(count(&setup.sandbox.twilio(), main_sid().as_str(), "numbers"), 1);
    // It may be had again.
    let (_, job) = obtain(&setup, &tenant, &e164, false).await.unwrap();
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Done);
}

#[tokio::test]
async fn a_purchase_whose_answer_is_lost_buys_one_number() {
    for fault in [TwilioFault::LoseAnswer, TwilioFault::Refuse, TwilioFault::Html { status: 502 }] {
        let setup = Setup::new().await;
        let tenant = tenant(&setup).await;
        setup.fail("IncomingPhoneNumbers", "POST", 3, fault.clone());
        let (id, job) = obtain(&setup, &tenant, E164, false).await.unwrap();
        let job = finish(&setup, &setup.provisioner, &tenant, &job).await;
        assert_eq!(job.status, JobStatus::Done, "{fault:?}: {:?}", job.error);
        assert_eq!(count(&setup.sandbox.twilio(), main_sid().as_str(), "numbers"), 2, "{fault:?}");
        assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Active);
    }
}

#[tokio::test]
async fn a_number_that_is_not_to_be_had_leaves_nothing_behind() {
    let setup = Setup::new().await;
    let tenant = tenant(&setup).await;
    let (id, job) = obtain(&setup, &tenant, "+15005550000", false).await.unwrap();
    let job = finish(&setup, &setup.provisioner, &tenant, &job).await;
    assert_eq!(job.status, JobStatus::Undone);
    assert!(job.error.unwrap().contains("21422"));
    assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Released);
}

#[tokio::test]
async fn a_number_of_the_account_is_adopted_wherever_it_pointed() {
    let setup = Setup::new().await;
    let tenant = tenant(&setup).await;
    let (id, job) = obtain(&setup, &tenant, "+15550100", true).await.unwrap();
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Done);
    assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Active);
    let world = setup.sandbox.twilio();
    assert_eq!(
        world[main_sid().as_str()]["numbers"][0]["voice_url"],
        "https://voice.example.test/api/voice/incoming"
    );
    let (_, job) = obtain(&setup, &tenant, E164, true).await.unwrap();
    let job = finish(&setup, &setup.provisioner, &tenant, &job).await;
    assert_eq!(job.status, JobStatus::Undone, "it has no such number, and none is bought");
}

#[tokio::test]
async fn a_number_that_was_adopted_is_given_back_when_that_is_asked_for_and_stays_when_the_adoption_is_undone()
 {
    for is_given_back in [true, false] {
        let setup = Setup::new().await;
        let tenant = tenant(&setup).await;
        let (id, job) = obtain(&setup, &tenant, "+15550100", true).await.unwrap();
        assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Done);
        let mut tx = setup.store.tenant(&tenant).begin(&actor(), 3).await.unwrap();
        match is_given_back {
            true => setup.provisioner.release(&mut *tx, &id).await.unwrap(),
            false => setup.provisioner.cancel(&mut *tx, &job).await.unwrap(),
        };
        tx.commit().await.unwrap();
        assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job).await.status, JobStatus::Undone);
        assert_eq!(number(&setup, &tenant, &id).await.status, NumberStatus::Released);
        let left = count(&setup.sandbox.twilio(), main_sid().as_str(), "numbers");
        assert_eq!(left, usize::from(!is_given_back), "it costs money as long as it is there");
    }
}

#[tokio::test]
async fn one_number_is_ordered_once_at_a_time() {
    let setup = Setup::new().await;
    let tenant = tenant(&setup).await;
    let (_, job) = obtain(&setup, &tenant, E164, false).await.unwrap();
    assert!(matches!(obtain(&setup, &tenant, E164, false).await, Err(ProvisionError::NumberInUse)));
    finish(&setup, &setup.provisioner, &tenant, &job).await;
    assert!(
        matches!(obtain(&setup, &tenant, E164, true).await, Err(ProvisionError::NumberInUse)),
        "it is active"
    );
}

/// Two tenants in one account: the second one's order must not give the first one's number back.
#[tokio::test]
async fn a_number_that_another_tenant_answers_is_never_given_back() {
    let setup = Setup::new().await;
    let (one, two) = (tenant(&setup).await, tenant(&setup).await);
    let (_, first) = obtain(&setup, &one, E164, false).await.unwrap();
    finish(&setup, &setup.provisioner, &one, &first).await;
    let (id, second) = obtain(&setup, &two, E164, true).await.unwrap();
    let job = finish(&setup, &setup.provisioner, &two, &second).await;
    assert_eq!((job.status, job.step.as_str()), (JobStatus::Failed, "activation"), "{:?}", job.error);
    let mut tx = setup.store.tenant(&two).begin(&actor(), 3).await.unwrap();
    setup.provisioner.release(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    finish(&setup, &setup.provisioner, &two, &second).await;
    assert_eq!(count(&setup.sandbox.twilio(), main_sid().as_str(), "numbers"), 2, "it is still there");
    let owner = setup.store.number_owner(E164).await.unwrap().unwrap();
    assert_eq!(owner.tenant, one);
}
