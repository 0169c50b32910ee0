//! What is done when Twilio fails, and when nobody knows whether it did.

use crate::support::{CALLEE, NUMBER, Setup, credentials, main_sid, options};
use fixtures::sandbox::{Service, TwilioFault, TwilioRule};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use twilio_rest::{
    ApplicationSettings, CallSid, NewCall, NumberFilter, NumberSettings, RateOptions, RetryClass,
    TwilioClient, TwilioError,
    reconcile::{
        CallEvidence, CallWitness, Doubt, NoWitness, Verdict, buy_number_once, create_application_once,
        create_call_once, create_key_once, create_subaccount_once, find_call, find_number,
    },
};

const TO_BUY: &str = "+15555550111";

fn call() -> NewCall {
    NewCall {
        to: CALLEE.to_owned(),
        from: NUMBER.to_owned(),
        twiml: Some("<Response><Pause length=\"60\"/></Response>".to_owned()),
        ..NewCall::default()
    }
}

fn error(status: u16, code: u32, retry_after_ms: Option<u64>) -> TwilioFault {
    TwilioFault::Error { status, code: Some(code), retry_after_ms }
}

#[tokio::test]
async fn reads_survive_lost_answers_errors_and_pages_of_html() {
    for fault in [
        TwilioFault::LoseAnswer,
        TwilioFault::Refuse,
        TwilioFault::Html { status: 502 },
        error(503, 20503, None),
        error(429, 20429, Some(20)),
    ] {
        let setup = Setup::new().await;
        setup.fail("Balance", "GET", 2, fault.clone());
        setup.account.fetch_balance().await.unwrap();
        assert_eq!(setup.sandbox.requests(Service::Twilio), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn attempts_end_and_the_failure_is_told() {
    let setup = Setup::new().await;
    setup.fail("Balance", "GET", 99, error(503, 20503, None));
    let failure = setup.account.fetch_balance().await.unwrap_err();
    assert_eq!((failure.code(), failure.retry_class()), (Some(20503), RetryClass::Soon { after: None }));
    assert_eq!(setup.sandbox.requests(Service::Twilio), 4);
    let nobody = TwilioClient::new(options("http://127.0.0.1:1")).unwrap();
    let account = nobody.account(credentials(&main_sid(), "t"));
    assert!(matches!(account.fetch_balance().await, Err(TwilioError::Unreachable { .. })));
    assert!(matches!(account.create_call(&call()).await, Err(TwilioError::Unreachable { .. })));
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_even_by_creations() {
    let setup = Setup::new().await;
    setup.fail("Calls", "POST", 1, error(429, 20429, Some(50)));
    let started = Instant::now();
    setup.account.create_call(&call()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(setup.count("calls"), 1);
}

#[tokio::test]
async fn a_creation_with_an_unknown_outcome_is_never_repeated_by_itself() {
    for fault in [
        TwilioFault::LoseAnswer,
        TwilioFault::Refuse,
        TwilioFault::Html { status: 502 },
        error(500, 20500, None),
    ] {
        let setup = Setup::new().await;
        setup.fail("Calls", "POST", 1, fault.clone());
        let failure = setup.account.create_call(&call()).await.unwrap_err();
        assert!(matches!(failure, TwilioError::UnknownOutcome { .. }), "{fault:?}: {failure}");
        assert_eq!(failure.retry_class(), RetryClass::Reconcile);
        assert_eq!(setup.sandbox.requests(Service::Twilio), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up() {
    let setup = Setup::with(|mut options| {
        options.answer = Duration::from_millis(300);
        options
    })
    .await;
    setup.fail("IncomingPhoneNumbers", "POST", 1, TwilioFault::NeverAnswer);
    buy_number_once(&setup.account, TO_BUY, &NumberSettings::default()).await.unwrap();
    assert_eq!(setup.count("numbers"), 2);
}

/// Whatever happens to the request or its answer: one call, one number, one of everything.
#[tokio::test]
async fn everything_is_created_once_whatever_happens_to_the_answer() {
    for fault in [TwilioFault::LoseAnswer, TwilioFault::Refuse, error(500, 20500, None)] {
        let setup = Setup::new().await;
        let account = &setup.account;

        setup.fail("Calls", "POST", 1, fault.clone());
        create_call_once(account, &call(), &NoWitness).await.unwrap();
        assert_eq!(setup.count("calls"), 1, "{fault:?}");

        setup.fail("IncomingPhoneNumbers", "POST", 1, fault.clone());
        let number = buy_number_once(account, TO_BUY, &NumberSettings::default()).await.unwrap();
        assert_eq!((number.phone_number.as_str(), setup.count("numbers")), (TO_BUY, 2), "{fault:?}");

        setup.fail("Applications", "POST", 1, fault.clone());
        let name = Some("Example - Voice".to_owned());
        let settings = ApplicationSettings { friendly_name: name, ..ApplicationSettings::default() };
        create_application_once(account, &settings).await.unwrap();
        assert_eq!(setup.count("applications"), 1, "{fault:?}");

        setup.fail("Keys", "POST", 1, fault.clone());
        let key = create_key_once(account, "Example - Softphone").await.unwrap();
        let keys = account.list_keys().unwrap().first(10).await.unwrap();
        assert_eq!(keys.iter().map(|key| &key.sid).collect::<Vec<_>>(), [&key.sid], "{fault:?}");

        setup.fail("Accounts", "POST", 1, fault.clone());
        create_subaccount_once(account, "Tandem - Example (ten_1)").await.unwrap();
        assert_eq!(setup.sandbox.twilio().as_object().unwrap().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn two_unknown_outcomes_that_were_none_are_told() {
    let setup = Setup::new().await;
    setup.fail("IncomingPhoneNumbers", "POST", 9, TwilioFault::Refuse);
    let failure = buy_number_once(&setup.account, TO_BUY, &NumberSettings::default()).await.unwrap_err();
    assert!(matches!(failure, TwilioError::UnknownOutcome { .. }), "{failure}");
    assert_eq!(setup.count("numbers"), 1);
}

#[tokio::test]
async fn lists_that_cannot_be_read_leave_the_outcome_unknown() {
    let setup = Setup::new().await;
    let rule = |method: &str, fault| TwilioRule {
        resource: "IncomingPhoneNumbers".to_owned(),
        method: Some(method.to_owned()),
        fault: Some(fault),
        ..TwilioRule::default()
    };
    let rules = vec![rule("POST", TwilioFault::LoseAnswer), rule("GET", error(503, 20503, None))];
    setup.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = rules);
    let failure = buy_number_once(&setup.account, TO_BUY, &NumberSettings::default()).await.unwrap_err();
    assert!(matches!(failure, TwilioError::UnknownOutcome { .. }));
    assert_eq!(setup.count("numbers"), 2, "bought once, and not again");
    setup.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules.clear());
    assert!(matches!(find_number(&setup.account, TO_BUY).await.unwrap(), Verdict::Done(_)));
}

struct Knows(CallEvidence);

impl CallWitness for Knows {
    async fn evidence(&self, _candidates: &[CallSid]) -> CallEvidence {
        self.0.clone()
    }
}

#[tokio::test]
async fn of_two_calls_alike_our_own_records_tell_which_is_which() {
    let setup = Setup::new().await;
    let sent = jiff::Timestamp::now();
    let first = setup.account.create_call(&call()).await.unwrap();
    let second = setup.account.create_call(&call()).await.unwrap();
    let find = async |witness: Knows| find_call(&setup.account, &call(), sent, &witness).await.unwrap();
    assert_eq!(find(Knows(CallEvidence::default())).await, Verdict::Unknown(Doubt::Ambiguous(2)));
    let others = HashSet::from([first.sid.clone()]);
    match find(Knows(CallEvidence { ours: None, others })).await {
        Verdict::Done(call) => assert_eq!(call.sid, second.sid),
        other => panic!("{other:?}"),
    }
    let ours = Some(first.sid.clone());
    match find(Knows(CallEvidence { ours, others: HashSet::new() })).await {
        Verdict::Done(call) => assert_eq!(call.sid, first.sid),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_has_been_done() {
    let setup = Setup::new().await;
    let numbers = setup.account.list_numbers(&NumberFilter::default()).unwrap().first(1).await.unwrap();
    setup.fail("IncomingPhoneNumbers", "DELETE", 1, TwilioFault::LoseAnswer);
    setup.account.release_number(&numbers[0].sid).await.unwrap();
    assert!(setup.account.release_number(&numbers[0].sid).await.unwrap_err().is_gone());
}

#[tokio::test]
async fn an_account_that_is_busy_is_refused_here_and_another_is_not() {
    let setup = Setup::with(|mut options| {
        let longest_wait = Duration::from_millis(1);
        options.rate = RateOptions { per_second: 1, burst: 2, longest_wait, ..RateOptions::default() };
        options
    })
    .await;
    setup.account.fetch_balance().await.unwrap();
    setup.account.fetch_balance().await.unwrap();
    let busy = setup.account.fetch_balance().await.unwrap_err();
    assert!(matches!(busy, TwilioError::Busy { .. }), "{busy}");
    let other = format!("AC{}", "1".repeat(32)).parse().unwrap();
    let other = setup.client.account(credentials(&other, "t"));
    assert!(other.fetch_balance().await.unwrap_err().is_unauthorized());
    assert_eq!(setup.sandbox.requests(Service::Twilio), 3);
}

/// Media may come from a storage elsewhere; the credential must not go there.
#[tokio::test]
async fn a_redirect_of_media_is_followed_without_the_credential() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4_096];
            let length = socket.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
            let answer = if head.contains("get /2010-04-01/") {
                "HTTP/1.1 307 x\r\nlocation: /storage/file\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nRIFF"
            };
            socket.write_all(answer.as_bytes()).await.unwrap();
            heads.push(head);
        }
        heads
    });
    let client = TwilioClient::new(options(&format!("http://{address}"))).unwrap();
    let account = client.account(credentials(&main_sid(), "t"));
    let recording = format!("RE{}", "0".repeat(32)).parse().unwrap();
    let mut media = account.recording_media(&recording, twilio_rest::MediaFormat::Wav, false).await.unwrap();
    assert_eq!(media.chunk().await.unwrap().unwrap().as_ref(), b"RIFF");
    let heads = server.await.unwrap();
    assert!(heads[0].contains("authorization: basic") && !heads[1].contains("authorization"), "{heads:?}");
}
