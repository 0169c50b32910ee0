//! A tenant is set up, in a subaccount or its own account, and can be undone.

use crate::support::{
    ORGANIZATION, Setup, actor, count, finish, hurry, main_sid, order, subaccounts, worker,
};
use engine::provider::Secret;
use fixtures::sandbox::TwilioFault;
use provisioning::{OwnAccount, ProvisionError, TENANT_JOB};
use std::task::Poll;
use store::{
    TenantId,
    model::{
        account::{AccountMode, AccountStatus, ProviderAccount},
        tenant::{Tenant, TenantSettings, TenantStatus},
        work::{Job, JobStatus},
    },
};

#[tokio::test]
async fn a_tenant_gets_a_subaccount_an_application_and_a_key_under_their_names() {
    let setup = Setup::new().await;
    let (tenant, id) = order(&*setup.store, &setup.provisioner, None).await;
    let job = finish(&setup, &setup.provisioner, &tenant, &id).await;
    assert_eq!((job.status, job.error), (JobStatus::Done, None));
    assert_eq!(setup.status(&tenant).await, TenantStatus::Active);

    let world = setup.sandbox.twilio();
    let [sid] = &subaccounts(&world)[..] else { panic!("{world}") };
    let name = world[sid]["account"]["friendly_name"].as_str().unwrap();
    assert!(name.starts_with(&format!("Tandem - {ORGANIZATION} (")), "{name}");
    let application = &world[sid]["applications"][0];
    assert_eq!(application["friendly_name"], format!("{ORGANIZATION} - Voice"));
    assert_eq!(application["voice_url"], "https://voice.example.test/api/voice/incoming");
    assert_eq!(application["status_callback"], "https://voice.example.test/api/voice/status");
    assert_eq!(world[sid]["keys"][0]["friendly_name"], format!("{ORGANIZATION} - Softphone"));

    let account = setup.account(&tenant).await.value;
    assert_eq!((account.mode, account.sid.as_str()), (AccountMode::Subaccount, sid.as_str()));
    assert_eq!(account.properties["application_sid"], application["sid"].as_str().unwrap());
    assert_eq!(account.properties["api_key_sid"], world[sid]["keys"][0]["sid"].as_str().unwrap());
    let token = setup.secret(&tenant, "auth_token").await;
    assert_eq!(world[sid]["account"]["auth_token"], token.as_str());
    let shown = format!("{account:?} {}", job.state);
    assert!(!shown.contains(&token) && !shown.contains(&setup.secret(&tenant, "api_key_secret").await));
}

#[tokio::test]
async fn a_tenants_own_account_is_used_as_it_is_and_wrong_credentials_are_found_before() {
    let setup = Setup::new().await;
    let wrong = setup.provisioner.verify(&main_sid(), &Secret::new("CANARY")).await.unwrap_err();
    assert!(matches!(&wrong, ProvisionError::Carrier(error) if error.is_unauthorized()), "{wrong:?}");
    let auth_token = Secret::new("sandbox");
    setup.provisioner.verify(&main_sid(), &auth_token).await.unwrap();
    let own = OwnAccount { sid: main_sid(), auth_token, name: "Main".to_owned() };
    let (tenant, id) = order(&*setup.store, &setup.provisioner, Some(&own)).await;
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &id).await.status, JobStatus::Done);
    let world = setup.sandbox.twilio();
    assert!(subaccounts(&world).is_empty());
    assert_eq!(setup.secret(&tenant, "auth_token").await, "sandbox");

    let mut tx = setup.store.tenant(&tenant).begin(&actor(), 2).await.unwrap();
    setup.provisioner.cancel(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &id).await.status, JobStatus::Undone);
    let world = setup.sandbox.twilio();
    let main = main_sid();
    assert_eq!((count(&world, main.as_str(), "keys"), count(&world, main.as_str(), "applications")), (0, 0));
    assert_eq!(world[main.as_str()]["account"]["status"], "active", "its own account stays");
    assert_eq!(setup.status(&tenant).await, TenantStatus::Closed);
}

#[tokio::test]
async fn what_was_set_up_is_undone_whole() {
    let setup = Setup::new().await;
    let (tenant, id) = order(&*setup.store, &setup.provisioner, None).await;
    finish(&setup, &setup.provisioner, &tenant, &id).await;
    let account = setup.account(&tenant).await.id;
    let mut tx = setup.store.tenant(&tenant).begin(&actor(), 2).await.unwrap();
    setup.provisioner.cancel(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(finish(&setup, &setup.provisioner, &tenant, &id).await.status, JobStatus::Undone);
    let world = setup.sandbox.twilio();
    assert!(subaccounts(&world).is_empty(), "{world}");
    let row = setup.store.tenant(&tenant).get::<ProviderAccount>(&account).await.unwrap().unwrap().value;
    assert_eq!(row.status, AccountStatus::Closed);
    assert!(row.properties.is_empty() && !row.secrets.contains_key("api_key_secret"));
    assert_eq!(setup.status(&tenant).await, TenantStatus::Closed);
}

#[tokio::test]
async fn a_lost_answer_makes_nothing_twice() {
    for resource in ["Accounts", "Applications", "Keys"] {
        for fault in [TwilioFault::LoseAnswer, TwilioFault::Refuse, TwilioFault::Html { status: 502 }] {
            let setup = Setup::new().await;
            setup.fail(resource, "POST", 3, fault.clone());
            let (tenant, id) = order(&*setup.store, &setup.provisioner, None).await;
            let job = finish(&setup, &setup.provisioner, &tenant, &id).await;
            assert_eq!(job.status, JobStatus::Done, "{resource} {fault:?}: {:?}", job.error);
            let world = setup.sandbox.twilio();
            let [sid] = &subaccounts(&world)[..] else { panic!("{resource} {fault:?}: {world}") };
            assert_eq!(
                (count(&world, sid, "applications"), count(&world, sid, "keys")),
                (1, 1),
                "{resource} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_refused_waits_for_a_person_and_goes_on_when_told() {
    let setup = Setup::new().await;
    setup.fail(
        "Applications",
        "POST",
        1,
        TwilioFault::Error { status: 400, code: Some(20001), retry_after_ms: None },
    );
    let (tenant, id) = order(&*setup.store, &setup.provisioner, None).await;
    let job = finish(&setup, &setup.provisioner, &tenant, &id).await;
    assert_eq!((job.status, job.step.as_str()), (JobStatus::Failed, "application"));
    assert!(job.error.unwrap().contains("20001"));
    assert_eq!(setup.status(&tenant).await, TenantStatus::Provisioning);
    let mut tx = setup.store.tenant(&tenant).begin(&actor(), 2).await.unwrap();
    setup.provisioner.retry(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    let job = finish(&setup, &setup.provisioner, &tenant, &id).await;
    assert_eq!((job.status, job.error), (JobStatus::Done, None));
}

#[tokio::test]
async fn two_tenants_of_one_name_are_two() {
    let setup = Setup::new().await;
    let (one, first) = order(&*setup.store, &setup.provisioner, None).await;
    let (two, second) = order(&*setup.store, &setup.provisioner, None).await;
    finish(&setup, &setup.provisioner, &one, &first).await;
    finish(&setup, &setup.provisioner, &two, &second).await;
    assert_eq!(subaccounts(&setup.sandbox.twilio()).len(), 2);
    assert_ne!(setup.account(&one).await.value.sid, setup.account(&two).await.value.sid);
}

#[tokio::test]
async fn a_tenant_and_its_order_are_taken_together_and_given_once_whatever_dies_between() {
    let setup = Setup::new().await;
    let auth_token = Secret::new("sandbox");
    let own = OwnAccount { sid: main_sid(), auth_token, name: "Main".to_owned() };
    for own in [None, Some(&own)] {
        let tenant = TenantId::generate();
        let mut tx = setup.store.platform().begin(&actor(), 1).await.unwrap();
        let row = Tenant {
            name: ORGANIZATION.to_owned(),
            slug: tenant.as_str().replace('_', "-"),
            status: TenantStatus::Provisioning,
            settings: TenantSettings::default(),
        };
        tx.insert_as(tenant.clone(), row).await.unwrap();
        let admission = setup.provisioner.admit(&mut *tx, &tenant, own, None).await.unwrap();
        assert!(!admission.value.state.to_string().contains("sandbox"), "{}", admission.value.state);
        tx.commit().await.unwrap();
        let platform = TenantId::platform();
        // Dies after every await, until it does not.
        for awaits in 1.. {
            let survived = {
                let mut met = 0;
                let mut work = std::pin::pin!(setup.provisioner.work(worker()));
                std::future::poll_fn(|context| {
                    met += 1;
                    if met > awaits {
                        Poll::Ready(false)
                    } else {
                        work.as_mut().poll(context).map(|done| done.unwrap())
                    }
                })
                .await
            };
            if survived && setup.job(&platform, &admission.id).await.value.status == JobStatus::Done {
                break;
            }
            hurry(&*setup.store, &platform, &admission.id).await;
        }
        let job = setup.store.tenant(&tenant).find::<Job>(TENANT_JOB).await.unwrap().unwrap();
        assert_eq!(finish(&setup, &setup.provisioner, &tenant, &job.id).await.status, JobStatus::Done);
        assert_eq!(setup.status(&tenant).await, TenantStatus::Active);
        assert!(!setup.job(&platform, &admission.id).await.value.state.to_string().contains("sealed_with"));
    }
}
