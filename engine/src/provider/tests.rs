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
