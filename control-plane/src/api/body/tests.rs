use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    size: u8,
}

impl Check for Thing {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 5);
        faults.each("parts", &self.parts, |faults, part| faults.number("size", part.size, 1, 9));
    }
}

fn patch(changes: Value) -> Patch<Thing> {
    Patch { changes: changes.as_object().unwrap().clone(), of: PhantomData }
}

fn pointers(problem: &Problem) -> Vec<String> {
    let place = |fault: &Fault| match &fault.place {
        Place::Pointer(pointer) => pointer.clone(),
        Place::Parameter(name) => panic!("{name}"),
    };
    problem.faults.iter().map(place).collect()
}

#[test]
fn a_body_of_another_shape_is_refused_with_a_pointer() {
    for (body, pointer) in [
        (r#"{"name": 5}"#, "/name"),
        (r#"{"name": "a", "parts": [{"size": 1}, {"size": "x"}]}"#, "/parts/1/size"),
        (r#"{"name": "a", "parts": [{"size": 300}]}"#, "/parts/0/size"),
        (r#"{"parts": []}"#, ""),
        (r#"[]"#, ""),
    ] {
        let problem = parse::<Thing>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code, Code::InvalidBody, "{body}: {problem:?}");
        assert!(pointers(&problem)[0].starts_with(pointer), "{body}: {problem:?}");
        assert!(!problem.detail.contains("line"), "{problem:?}");
    }
    let problem = parse::<Thing>(br#"{"name": "a", "nmae": "b"}"#).unwrap_err();
    assert!(problem.detail.contains("unknown field `nmae`"), "{problem:?}");
}

#[test]
fn what_is_no_json_is_a_bad_request() {
    let deep = "[".repeat(100_000);
    for body in ["", "{", "{\"name\": \"a\"}x", "nonsense", "{\"name\": \"\u{1}\"}", &deep] {
        assert_eq!(parse::<Thing>(body.as_bytes()).unwrap_err().code, Code::InvalidRequest, "{body}");
    }
    assert_eq!(parse::<Thing>(b"{\"name\": \"\xff\"}").unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn every_place_that_will_not_do_is_named() {
    let thing: Thing = parse(br#"{"name": "", "parts": [{"size": 0}, {"size": 5}, {"size": 10}]}"#).unwrap();
    let problem = checked(&thing).unwrap_err();
    assert_eq!(pointers(&problem), ["/name", "/parts/0/size", "/parts/2/size"]);
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let thing = || Thing { name: "a".to_owned(), parts: vec![Part { size: 1 }], note: Some("n".to_owned()) };
    assert_eq!(patch(json!({})).apply(&thing()).unwrap(), thing());
    let patched = patch(json!({ "name": "b", "note": null })).apply(&thing()).unwrap();
    assert_eq!(patched, Thing { name: "b".to_owned(), note: None, ..thing() });
    let emptied = patch(json!({ "parts": null })).apply(&thing()).unwrap();
    assert!(emptied.parts.is_empty());
    for (changes, pointer) in [
        (json!({ "name": null }), ""),
        (json!({ "name": "too long" }), "/name"),
        (json!({ "parts": [{ "size": -1 }] }), "/parts/0/size"),
        (json!({ "unknown": 1 }), ""),
    ] {
        let problem = patch(changes).apply(&thing()).unwrap_err();
        assert!(pointers(&problem)[0].starts_with(pointer), "{problem:?}");
    }
}

proptest! {
    // RFC 7396, section 2: what a patch sets is what is there then.
    #[test]
    fn a_patch_that_was_applied_changes_nothing_more(name in "[a-z]{1,5}", size in 1_u8..9) {
        let patch = patch(json!({ "name": name, "parts": [{ "size": size }] }));
        let thing = Thing { name: "x".to_owned(), parts: Vec::new(), note: None };
        let once = patch.apply(&thing).unwrap();
        prop_assert_eq!(patch.apply(&once).unwrap(), once);
    }

    #[test]
    fn no_body_breaks_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(parse::<Thing>(&body));
    }
}
