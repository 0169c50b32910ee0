use super::*;
use proptest::prelude::*;

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<SseEvent> {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, &mut events).expect("short events");
    }
    events
}

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent { name: name.into(), data: data.into() }
}

#[test]
fn every_line_end_ends_a_line() {
    for end in ["\n", "\r", "\r\n"] {
        let body = "\u{feff}event: a\ndata: 1\n: comment\ndata: 2\n\ndata:3\nid: 7\n\n\nevent: lost\n\n"
            .replace('\n', end);
        assert_eq!(decode([body.as_bytes()]), [event("a", "1\n2"), event("", "3")], "{end:?}");
    }
}

#[test]
fn an_event_cut_off_by_the_end_is_no_event() {
    assert_eq!(decode([b"data: 1\n\ndata: 2\n".as_slice()]), [event("", "1")]);
}

#[test]
fn a_carriage_return_ends_an_event_without_waiting_for_more() {
    assert_eq!(decode([b"data: 1\r\r".as_slice()]), [event("", "1")]);
}

#[test]
fn an_event_that_never_ends_is_refused() {
    let mut decoder = SseDecoder::new(100);
    let mut events = Vec::new();
    let fed = (0..50).find_map(|_| decoder.feed(b"data: 12345678\n", &mut events).err());
    assert_eq!(fed, Some(EventTooLong { limit: 100 }));
    let mut decoder = SseDecoder::new(100);
    let fed = (0..50).find_map(|_| decoder.feed(b"data: 12345678\n\n", &mut events).err());
    assert_eq!(fed, None, "the limit is per event");
}

proptest! {
    #[test]
    fn cutting_the_stream_differently_changes_nothing(
        lines in prop::collection::vec(
            prop::sample::select(vec!["data: grün 🎧", "data:x", "data", "event: e", ": c", "", "", "id: 1", "da"]), 0..20),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n"]), 20),
        cuts in prop::collection::vec(1_usize..6, 1..300),
    ) {
        let body: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
        let mut rest = body.as_bytes();
        let chunks: Vec<&[u8]> = cuts.iter().cycle().map_while(|cut| {
            if rest.is_empty() {
                return None;
            }
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            Some(chunk)
        }).collect();
        prop_assert_eq!(decode(chunks), decode([body.as_bytes()]));
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
        let mut decoder = SseDecoder::new(200);
        let mut events = Vec::new();
        for chunk in &chunks {
            if decoder.feed(chunk, &mut events).is_err() {
                break;
            }
        }
    }
}
