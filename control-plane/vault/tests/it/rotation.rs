//! Keys are changed without losing a secret, whatever happens meanwhile.

use crate::support::{
    account, actor, admission, any_ring, assistant, endpoint, place, ring, tenant, tokens, user,
};
use engine::provider::Secret;
use std::sync::Arc;
use store::{
    Filter, Store, TenantId,
    model::{
        account::{DataKey, DataKeyStatus, ProviderAccount},
        assistant::Assistant,
        identity::User,
        webhook::WebhookEndpoint,
        work::Job,
    },
};
use vault::{Mode, Place, Vault, new_key};

async fn data_keys(store: &dyn Store, tenant: &TenantId) -> Vec<DataKey> {
    let rows = store.tenant(tenant).list::<DataKey>(&Filter::first(100)).await.unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

pub(crate) async fn a_new_key_encryption_key_wraps_everything_and_the_old_one_can_go(store: Arc<dyn Store>) {
    let (old, new) = (new_key().unwrap(), new_key().unwrap());
    let before = Vault::new(store.clone(), ring(&[&old]));
    before.check().await.unwrap();
    let one = tenant(&*store, "one").await;
    let id = account(&before, &*store, &one, "token").await;
    before.renew_data_keys(Mode::Apply).await.unwrap();

    let both = Vault::new(store.clone(), ring(&[&old, &new]));
    let done = both.rewrap(Mode::Apply).await.unwrap();
    assert_eq!(
        (done.tenants, done.rewrapped, done.unchanged),
        (2, 4, 0),
        "two data keys for each of two tenants"
    );
    let again = both.rewrap(Mode::Apply).await.unwrap();
    assert_eq!((again.rewrapped, again.unchanged), (0, 4));

    let after = Vault::new(store.clone(), ring(&[&new]));
    after.check().await.unwrap();
    assert_eq!(tokens(&after, &*store, &one, &id).await, ["token", "token before"]);
    let status = after.status(None).await.unwrap();
    assert_eq!(status.data_keys, [(after.ring().active().clone(), 4)].into());
    assert_eq!((status.shut, status.secrets_shut), (0, 0));
}

pub(crate) async fn a_dry_run_counts_and_changes_nothing(store: Arc<dyn Store>) {
    let (old, new) = (new_key().unwrap(), new_key().unwrap());
    let before = Vault::new(store.clone(), ring(&[&old]));
    let one = tenant(&*store, "one").await;
    account(&before, &*store, &one, "token").await;
    let kept = data_keys(&*store, &one).await;
    let both = Vault::new(store.clone(), ring(&[&old, &new]));
    assert_eq!(both.rewrap(Mode::DryRun).await.unwrap().rewrapped, 1);
    let renewed = both.renew_data_keys(Mode::DryRun).await.unwrap();
    assert_eq!((renewed.data_keys, renewed.resealed, renewed.continued), (1, 2, false));
    assert_eq!(data_keys(&*store, &one).await, kept);
    let renewed = both.renew_data_keys(Mode::Apply).await.unwrap();
    assert_eq!((renewed.data_keys, renewed.resealed, renewed.continued), (1, 2, false), "as was foretold");
}

pub(crate) async fn new_data_keys_seal_every_secret_again(store: Arc<dyn Store>) {
    let vault = Vault::new(store.clone(), any_ring());
    let one = tenant(&*store, "one").await;
    let account = account(&vault, &*store, &one, "token").await;
    let endpoint = endpoint(&vault, &*store, &one).await;
    let user = user(&vault, &*store).await;
    let assistant = assistant(&vault, &*store, &one).await;
    let (job, brought) = admission(&vault, &*store).await;
    let done = vault.renew_data_keys(Mode::Apply).await.unwrap();
    assert_eq!((done.tenants, done.data_keys, done.resealed, done.left), (2, 2, 6, 0));

    let part = store.tenant(&one);
    let active = part.find::<DataKey>("active").await.unwrap().unwrap();
    let row = part.get::<WebhookEndpoint>(&endpoint).await.unwrap().unwrap().value;
    assert_eq!(row.secret.sealed_with, active.id);
    assert_eq!(
        vault.open(&one, &Place::webhook_endpoint(&endpoint), &row.secret).await.unwrap().reveal(),
        "whsec"
    );
    assert_eq!(tokens(&vault, &*store, &one, &account).await, ["token", "token before"]);
    let (platform, row) = (TenantId::platform(), store.platform().get::<User>(&user).await.unwrap().unwrap());
    let totp = row.value.totp.unwrap();
    assert_eq!(vault.open(&platform, &Place::totp(&user), &totp).await.unwrap().reveal(), "totp");
    let row = part.get::<Assistant>(&assistant).await.unwrap().unwrap().value;
    let sealed = serde_json::from_value(row.config["tools"][1]["signing_secret"].clone()).unwrap();
    let place = Place::tool(&assistant, "order_status");
    assert_eq!(vault.open(&one, &place, &sealed).await.unwrap().reveal(), "signs");
    let row = store.platform().get::<Job>(&job).await.unwrap().unwrap().value;
    let sealed = serde_json::from_value(row.state["own"]["auth_token"].clone()).unwrap();
    let place = Place::provider_account(&brought, "auth_token");
    assert_eq!(vault.open(&platform, &place, &sealed).await.unwrap().reveal(), "brought");
    let status = vault.status(None).await.unwrap();
    assert_eq!((status.secrets, status.secrets_of_retired, status.retired), (6, 0, 2));
    let states: Vec<_> = data_keys(&*store, &one).await.into_iter().map(|key| key.status).collect();
    assert_eq!(states, [DataKeyStatus::Active, DataKeyStatus::Retired], "newest first");
}

/// Cut off at every await of the whole, one after the other.
pub(crate) async fn a_renewal_that_was_cut_off_anywhere_goes_on(store: Arc<dyn Store>) {
    let ring = any_ring();
    let vault = Vault::new(store.clone(), ring.clone());
    let mut accounts = Vec::new();
    for slug in ["one", "two"] {
        let tenant = tenant(&*store, slug).await;
        let id = account(&vault, &*store, &tenant, slug).await;
        accounts.push((tenant, id, slug));
    }
    let mut cuts = 0_u32;
    let mut resealed = 0;
    loop {
        // A renewal that is polled so often and then dropped, as a process that is killed there drops it.
        let mut polls = 0;
        let mut renewal = Box::pin(vault.renew_data_keys(Mode::Apply));
        let ended = std::future::poll_fn(|context| {
            polls += 1;
            if polls > cuts + 1 {
                return std::task::Poll::Ready(None);
            }
            renewal.as_mut().poll(context).map(Some)
        })
        .await;
        drop(renewal);
        for (tenant, id, token) in &accounts {
            let fresh = Vault::new(store.clone(), ring.clone());
            assert_eq!(
                tokens(&fresh, &*store, tenant, id).await,
                [(*token).to_owned(), format!("{token} before")]
            );
        }
        match ended {
            Some(done) => {
                let done = done.unwrap();
                resealed += done.resealed;
                assert!(done.continued || cuts == 0);
                break;
            }
            None => cuts += 1,
        }
    }
    assert!(cuts > 5, "it was cut off in many places: {cuts}");
    assert!(resealed <= 4);
    for (tenant, ..) in &accounts {
        assert_eq!(
            data_keys(&*store, tenant).await.len(),
            2,
            "one new data key, however often it was started"
        );
    }
    let status = vault.status(None).await.unwrap();
    assert_eq!((status.secrets, status.secrets_of_retired), (4, 0));
}

pub(crate) async fn a_secret_sealed_with_the_old_data_key_meanwhile_still_opens(store: Arc<dyn Store>) {
    let vault = Vault::new(store.clone(), any_ring());
    let one = tenant(&*store, "one").await;
    let here = place();
    let sealed = vault.seal(&one, &here, &Secret::new("token")).await.unwrap();
    vault.renew_data_keys(Mode::Apply).await.unwrap();
    vault.renew_data_keys(Mode::Apply).await.unwrap();
    assert_eq!(vault.open(&one, &here, &sealed).await.unwrap().reveal(), "token");
    assert_ne!(vault.seal(&one, &here, &Secret::new("x")).await.unwrap().sealed_with, sealed.sealed_with);
}

pub(crate) async fn what_does_not_open_is_counted_and_left(store: Arc<dyn Store>) {
    let (lost, new) = (any_ring(), new_key().unwrap());
    let (one, two) = (tenant(&*store, "one").await, tenant(&*store, "two").await);
    account(&Vault::new(store.clone(), lost.clone()), &*store, &one, "token").await;
    let vault = Vault::new(store.clone(), ring(&[&new]));
    let id = account(&vault, &*store, &two, "token").await;

    let done = vault.rewrap(Mode::Apply).await.unwrap();
    assert_eq!((done.rewrapped, done.unchanged), (0, 1));
    assert_eq!(done.unknown, [(lost.active().clone(), 1)].into());
    let status = vault.status(None).await.unwrap();
    assert_eq!((status.shut, status.secrets_shut, status.secrets), (1, 2, 2));

    // Moved from one row to another.
    let part = store.tenant(&two);
    let mut stored = part.get::<ProviderAccount>(&id).await.unwrap().unwrap();
    let other = account(&vault, &*store, &two, "other").await;
    let stolen = part.get::<ProviderAccount>(&other).await.unwrap().unwrap().value.secrets;
    stored.value.secrets.clone_from(&stolen);
    let mut tx = part.begin(&actor(), 3).await.unwrap();
    tx.update(&id, stored.version, stored.value).await.unwrap();
    tx.commit().await.unwrap();
    let status = vault.status(Some(&two)).await.unwrap();
    assert_eq!((status.tenants, status.secrets, status.secrets_shut), (1, 2, 2));
    let row = part.get::<ProviderAccount>(&id).await.unwrap().unwrap().value;
    assert_eq!(row.secrets, stolen);
}
