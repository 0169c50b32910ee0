use super::*;
use messaging::{MessageType, dispatch::Form, plan::Tier};
use outbox::Text;
use store::{TenantId, ids::MessageId};

#[test]
fn a_call_names_its_try_wherever_the_carrier_asks_or_tells() {
    let route = Route {
        channel: Channel::Voice,
        account: "configured".to_owned(),
        provider: routes::TWILIO,
        senders: vec!["+15550100".to_owned()],
        tier: Tier::Paid,
        priority: 0,
        capable: true,
        windowed: false,
        recovery: Recovery::Ask,
        per_second: None,
    };
    let parcel = Parcel {
        tenant: TenantId::known("ten_1"),
        message: MessageId::generate(),
        conversation: None,
        attempt: AttemptId::generate(),
        kind: MessageType::Critical,
        route,
        sender: "+15550100".to_owned(),
        address: "+15550142".to_owned(),
        form: Form::Free,
        text: Text::default(),
        again: false,
        fence: None,
        useful_until: None,
    };
    let call = new_call("https://tandem.example.com", &parcel);
    let detection = call.machine_detection.unwrap();
    for address in [call.url, call.status_callback, detection.callback] {
        let address = address.unwrap();
        assert!(address.ends_with(&format!("?attempt={}", parcel.attempt)), "{address}");
    }
    assert_eq!((call.from.as_str(), call.to.as_str()), ("+15550100", "+15550142"));
}
