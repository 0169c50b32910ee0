use super::*;

#[test]
fn a_place_is_a_number_and_nothing_else() {
    assert_eq!(place("42"), Some(42));
    assert_eq!(place("999999999999999999"), Some(999_999_999_999_999_999));
    for bad in ["", "-1", "+1", "1.0", "9999999999999999999", "evt_1", "٤٢"] {
        assert_eq!(place(bad), None, "{bad}");
    }
}

#[test]
fn what_is_not_known_is_refused_and_the_header_counts_before_the_query() {
    let ask = |query: FollowParams, header: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(seen) = header {
            headers.insert("last-event-id", seen.parse().unwrap());
        }
        read(Ok(Query(query)), &headers)
    };
    let types = |types: &str| FollowParams { types: types.to_owned(), ..FollowParams::default() };
    let (taste, after) = ask(types("call.*, message.sent,sms_received"), None).unwrap();
    assert_eq!(taste.types, ["call.*", "message.sent", "sms_received"]);
    assert_eq!(after, None);
    assert!(ask(types("cal.*"), None).is_err() && ask(types("call"), None).is_err());
    let seen = FollowParams { last_event_id: "7".to_owned(), ..FollowParams::default() };
    assert_eq!(ask(seen.clone(), None).unwrap().1, Some(7));
    assert_eq!(ask(seen.clone(), Some("9")).unwrap().1, Some(9));
    assert!(ask(seen, Some("nine")).is_err());
    let named = FollowParams { names: "old".to_owned(), ..FollowParams::default() };
    assert!(ask(named, None).is_err());
}

#[test]
fn each_frame_ends_and_says_where_to_go_on() {
    let opened = as_event(&Frame::Opened(3));
    assert_eq!(opened, "retry: 2000\nid: 3\nevent: stream.opened\ndata: {\"after\":\"3\"}\n\n");
    assert_eq!(as_event(&Frame::Reached(9)), "id: 9\n: alive\n\n");
    assert_eq!(
        as_event(&Frame::Missing(4, 8)),
        "event: stream.missing\ndata: {\"first\":\"4\",\"last\":\"8\"}\n\n"
    );
    let ended = as_event(&Frame::Ended(End::TooSlow, 9));
    assert_eq!(ended, "event: stream.ended\ndata: {\"after\":\"9\",\"reason\":\"too_slow\"}\n\n");
}
