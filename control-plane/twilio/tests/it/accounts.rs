//! Accounts and what they have.

use crate::support::{NUMBER, Setup, credentials};
use engine::provider::Secret;
use twilio_rest::{
    AccountFilter, AccountStatus, ApplicationSettings, AvailableNumberFilter, Credentials, MessageFilter,
    MessageStatus, NewMessage, NumberFilter, NumberKind, NumberSettings, QueueSettings, RetryClass,
    access_token::{AccessToken, VoiceGrant},
};

#[tokio::test]
async fn a_subaccount_has_its_own_credentials_and_is_closed_by_its_parent() {
    let setup = Setup::new().await;
    let made = setup.account.create_subaccount("Tandem - Example (ten_1)").await.unwrap();
    assert_eq!(made.status, AccountStatus::Active);
    let token = made.auth_token.clone().unwrap();
    let own = setup.client.account(credentials(&made.sid, token.reveal()));
    assert_eq!(own.fetch_account().await.unwrap().friendly_name, "Tandem - Example (ten_1)");
    let by_parent = setup.account.subaccount(&made.sid);
    assert_eq!(by_parent.list_queues().unwrap().first(10).await.unwrap(), []);

    setup.account.set_account_status(&made.sid, &AccountStatus::Suspended).await.unwrap();
    assert_eq!(own.fetch_balance().await.unwrap_err().code(), Some(20005));
    setup.account.set_account_status(&made.sid, &AccountStatus::Closed).await.unwrap();
    assert!(own.fetch_account().await.unwrap_err().is_unauthorized());
    let filter = AccountFilter { status: Some(AccountStatus::Closed), ..AccountFilter::default() };
    let closed = setup.account.list_accounts(&filter).unwrap().first(10).await.unwrap();
    assert_eq!(closed.len(), 1);
}

#[tokio::test]
async fn a_key_opens_the_account_until_it_is_deleted() {
    let setup = Setup::new().await;
    let key = setup.account.create_key("Example - Softphone").await.unwrap();
    let by_key = setup.client.account(Credentials::ApiKey {
        account_sid: setup.account.sid().clone(),
        key_sid: key.sid.clone(),
        secret: key.secret.clone(),
    });
    by_key.fetch_balance().await.unwrap();
    assert!(by_key.create_key("another").await.unwrap_err().is_unauthorized());
    assert_eq!(setup.account.fetch_key(&key.sid).await.unwrap().friendly_name, "Example - Softphone");
    assert_eq!(setup.account.list_keys().unwrap().first(10).await.unwrap().len(), 1);
    setup.account.delete_key(&key.sid).await.unwrap();
    let error = by_key.fetch_balance().await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!(error.retry_class(), RetryClass::Never);
}

#[tokio::test]
async fn an_application_is_made_changed_and_deleted() {
    let setup = Setup::new().await;
    let settings = ApplicationSettings {
        friendly_name: Some("Example - Voice".to_owned()),
        voice_url: Some("https://voice.example.test/api/voice/incoming".to_owned()),
        ..ApplicationSettings::default()
    };
    let made = setup.account.create_application(&settings).await.unwrap();
    assert_eq!(made.voice_method.as_deref(), Some("POST"));
    let change = ApplicationSettings {
        status_callback: Some("https://voice.example.test/api/voice/status".to_owned()),
        ..ApplicationSettings::default()
    };
    let changed = setup.account.update_application(&made.sid, &change).await.unwrap();
    assert_eq!(
        (&changed.voice_url, &changed.status_callback),
        (&settings.voice_url, &change.status_callback)
    );
    let found = setup.account.list_applications(Some("Example - Voice")).unwrap().first(9).await.unwrap();
    assert_eq!(found, [setup.account.fetch_application(&made.sid).await.unwrap()]);
    setup.account.delete_application(&made.sid).await.unwrap();
    assert!(setup.account.fetch_application(&made.sid).await.unwrap_err().is_gone());
}

#[tokio::test]
async fn a_number_is_searched_bought_set_up_and_released() {
    let setup = Setup::new().await;
    let filter = AvailableNumberFilter {
        area_code: Some(555),
        voice_enabled: Some(true),
        ..AvailableNumberFilter::default()
    };
    let offers = setup.account.available_numbers("US", NumberKind::Local, &filter).unwrap();
    let offer = offers.first(1).await.unwrap().remove(0);
    assert!(offer.capabilities.voice && offer.capabilities.sms && offer.capabilities.mms, "in capitals too");
    let bought = setup.account.buy_number(&offer.phone_number, &NumberSettings::default()).await.unwrap();
    let twice = setup.account.buy_number(&offer.phone_number, &NumberSettings::default()).await;
    assert_eq!(twice.unwrap_err().code(), Some(21422));
    let settings = NumberSettings {
        voice_url: Some("https://voice.example.test/api/voice/incoming".to_owned()),
        ..NumberSettings::default()
    };
    let changed = setup.account.update_number(&bought.sid, &settings).await.unwrap();
    assert_eq!(changed.voice_url, settings.voice_url);
    let all = setup.account.list_numbers(&NumberFilter::default()).unwrap().first(10).await.unwrap();
    assert_eq!(all.len(), 2);
    setup.account.release_number(&bought.sid).await.unwrap();
    assert!(setup.account.fetch_number(&bought.sid).await.unwrap_err().is_gone());
    assert!(setup.account.available_numbers("us", NumberKind::Local, &filter).is_err());
}

#[tokio::test]
async fn every_page_of_a_list_is_read() {
    let setup = Setup::with(|mut options| {
        options.page_size = 3;
        options
    })
    .await;
    for number in 0..8 {
        let settings =
            QueueSettings { friendly_name: Some(format!("queue {number}")), ..QueueSettings::default() };
        setup.account.create_queue(&settings).await.unwrap();
    }
    let mut pages = setup.account.list_queues().unwrap();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        sizes.push(page.len());
    }
    assert_eq!(sizes, [3, 3, 2]);
    assert_eq!(setup.account.list_queues().unwrap().first(4).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_message_is_sent_and_a_refused_one_says_what_follows() {
    let setup = Setup::new().await;
    let message = |to: &str| NewMessage {
        to: to.to_owned(),
        from: Some(NUMBER.to_owned()),
        body: Some("Hello".to_owned()),
        ..NewMessage::default()
    };
    let made = setup.account.create_message(&message("+15550142")).await.unwrap();
    assert_eq!((&made.status, made.num_segments, &made.price), (&MessageStatus::Queued, Some(1), &None));
    assert_eq!(setup.account.fetch_message(&made.sid).await.unwrap().sid, made.sid);
    let filter = MessageFilter { to: Some("+15550142".to_owned()), ..MessageFilter::default() };
    assert_eq!(setup.account.list_messages(&filter).unwrap().first(9).await.unwrap().len(), 1);
    let refused = setup.account.create_message(&message("+15005550004")).await.unwrap_err();
    assert_eq!((refused.code(), refused.retry_class()), (Some(21610), RetryClass::OtherChannel));
}

#[tokio::test]
async fn money_keeps_its_digits() {
    let setup = Setup::new().await;
    let balance = setup.account.fetch_balance().await.unwrap();
    assert_eq!((balance.balance.as_str(), balance.balance.micros()), ("100.00", Some(100_000_000)));
}

#[tokio::test]
async fn no_credential_is_shown_by_errors_and_values() {
    let setup = Setup::new().await;
    let canary = "canary-7f3a-auth-token";
    let account = setup.client.account(credentials(setup.account.sid(), canary));
    let error = account.fetch_balance().await.unwrap_err();
    let key = setup.account.create_key("k").await.unwrap();
    let token = Secret::new(canary);
    let shown = format!("{account:?} {error:?} {error} {key:?} {token:?}");
    assert!(!shown.contains(canary) && !shown.contains(key.secret.reveal()), "{shown}");
}

#[tokio::test]
async fn a_softphone_is_let_in_with_a_token_of_its_subaccounts_key() {
    let setup = Setup::new().await;
    let made = setup.account.create_subaccount("Tandem - Example (ten_1)").await.unwrap();
    let tenant = setup.account.subaccount(&made.sid);
    let key = tenant.create_key("Example - Softphone").await.unwrap();
    let application = tenant.create_application(&ApplicationSettings::default()).await.unwrap();
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let code = async |account_sid, application_sid| {
        let mut token = AccessToken::new(account_sid, key.sid.clone(), key.secret.clone(), "user_7");
        token.voice = VoiceGrant {
            incoming_allow: true,
            outgoing_application_sid: Some(application_sid),
            ..VoiceGrant::default()
        };
        let url = format!("{}/sandbox/twilio/access-tokens", setup.sandbox.base_url());
        let body = serde_json::json!({"token": token.sign(now).reveal()});
        let http = engine::provider::http::http_client(Default::default()).unwrap();
        let answer: serde_json::Value =
            http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        answer["code"].as_u64()
    };
    assert_eq!(code(made.sid.clone(), application.sid.clone()).await, None);
    let by_parent = setup.account.sid().clone();
    assert_eq!(code(by_parent, application.sid.clone()).await, Some(20103), "the parent's SID is refused");
    let of_nobody = format!("AP{}", "0".repeat(32)).parse().unwrap();
    assert_eq!(code(made.sid, of_nobody).await, Some(20106));
}
