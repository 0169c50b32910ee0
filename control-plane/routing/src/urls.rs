//! Our own addresses, as the carrier is told them.

use url::form_urlencoded::Serializer;

/// Makes addresses below our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    base: String,
}

impl Urls {
    /// `base` is the address at which the carrier reaches us, with or without a slash at its end.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// The address of `path`, which begins with a slash.
    #[must_use]
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of `path` with a query of those parameters that have a value.
    #[must_use]
    pub fn with(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let given = parameters.iter().filter(|(_, value)| !value.is_empty());
        let query = Serializer::new(String::new()).extend_pairs(given).finish();
        if query.is_empty() { self.of(path) } else { format!("{}?{query}", self.of(path)) }
    }

    /// Where the carrier's streams come in; without TLS where our own address has none.
    #[must_use]
    pub fn stream(&self) -> String {
        let own = self.of("/media-stream");
        match own.strip_prefix("https://") {
            Some(rest) => format!("wss://{rest}"),
            None => own.replacen("http://", "ws://", 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_an_address_is_encoded() {
        let urls = Urls::new("https://voice.example.test/tandem/");
        let url = urls.with("/hooks/x", &[("say", "A & B, 100 %?"), ("none", "")]);
        assert_eq!(url, "https://voice.example.test/tandem/hooks/x?say=A+%26+B%2C+100+%25%3F");
        assert_eq!(urls.with("/hooks/x", &[("none", "")]), urls.of("/hooks/x"));
    }

    #[test]
    fn a_stream_has_tls_where_we_have_it() {
        assert_eq!(Urls::new("https://a.test").stream(), "wss://a.test/media-stream");
        assert_eq!(Urls::new("http://127.0.0.1:1/").stream(), "ws://127.0.0.1:1/media-stream");
    }
}
