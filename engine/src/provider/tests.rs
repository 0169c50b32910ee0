use super::*;

#[test]
fn a_credential_does_not_show_in_debug_or_in_a_quote() {
    let secret = Secret::new("sk-fake-123");
    assert!(!format!("{secret:?}").contains("fake"));
    let quote = quoted("invalid key sk-fake-123\r\nplease check", Some(&secret));
    assert_eq!(quote, "invalid key (credential)  please check");
}

#[test]
fn a_quote_is_short() {
    assert_eq!(quoted(&"x".repeat(10_000), None).len(), LONGEST_QUOTE);
}

#[test]
fn what_stands_in_place_of_a_credential_is_not_repeated() {
    for json in ["47114711", "[\"canary\"]", "{\"canary\":1}", "true", "null"] {
        let error = serde_json::from_str::<Secret>(json).unwrap_err().to_string();
        assert!(error.starts_with("a secret must be a text"), "{error}");
    }
    assert_eq!(serde_json::from_str::<Secret>("\"canary\"").unwrap().reveal(), "canary");
}
