//! Lists, a page at a time. The next page's address comes from Twilio; it is followed only on the same server and in
//! the same account, since the credential goes with it.

use crate::{Account, TwilioError};
use futures_util::{Stream, stream};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::marker::PhantomData;
use url::Url;

/// A list that is being read.
#[derive(Debug)]
pub struct Pages<T> {
    account: Account,
    doing: &'static str,
    name: &'static str,
    next: Option<Url>,
    left: u32,
    entries: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<T> {
    pub(crate) fn new(account: Account, doing: &'static str, name: &'static str, first: Url) -> Self {
        let left = account.client().options().pages;
        Self { account, doing, name, next: Some(first), left, entries: PhantomData }
    }

    /// The next page's entries; `None` after the last page.
    ///
    /// # Errors
    /// If the page cannot be read, or the list is longer than it may be.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, TwilioError> {
        let doing = self.doing;
        let Some(url) = self.next.take() else { return Ok(None) };
        let too_long = || TwilioError::Misunderstood { doing, cause: "the list does not end".to_owned() };
        self.left = self.left.checked_sub(1).ok_or_else(too_long)?;
        let mut page: Map<String, Value> = self.account.get(doing, url.clone()).await?;
        let entries = page.remove(self.name).unwrap_or_default();
        let entries = serde_json::from_value(entries).map_err(|error| TwilioError::Misunderstood {
            doing,
            cause: format!("`{}`: {}", self.name, shape_of(&error)),
        })?;
        self.next = match page.get("next_page_uri").and_then(Value::as_str).filter(|uri| !uri.is_empty()) {
            Some(uri) => Some(self.followed(uri)?),
            None => None,
        };
        Ok(Some(entries))
    }

    /// All entries, at most `limit`.
    ///
    /// # Errors
    /// As [`Pages::next_page`].
    pub async fn first(mut self, limit: usize) -> Result<Vec<T>, TwilioError> {
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(page) = self.next_page().await?
        {
            all.extend(page);
        }
        all.truncate(limit);
        Ok(all)
    }

    /// The pages as a stream; it ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<T>, TwilioError>> {
        stream::try_unfold(
            self,
            |mut pages| async move { Ok(pages.next_page().await?.map(|page| (page, pages))) },
        )
    }

    fn followed(&self, uri: &str) -> Result<Url, TwilioError> {
        let base = &self.account.client().options().base_url;
        let prefix = base.path().trim_end_matches('/');
        let elsewhere = || TwilioError::Misunderstood {
            doing: self.doing,
            cause: "the next page is on another server or in another account".to_owned(),
        };
        // Behind a base URL with a path of its own, Twilio's paths still begin at the root.
        let url = if uri.starts_with("/2010-04-01/") {
            base.join(&format!("{prefix}{uri}"))
        } else {
            base.join(uri)
        };
        let url = url.map_err(|_| elsewhere())?;
        let own = self.account.url(&[""]);
        let accounts = self.account.api_url(&["Accounts.json"]);
        let same_list = url.path().starts_with(own.path()) || url.path() == accounts.path();
        if url.origin() == base.origin() && url.username().is_empty() && same_list {
            Ok(url)
        } else {
            Err(elsewhere())
        }
    }
}

/// What is wrong, without the value: it may hold what somebody wrote.
fn shape_of(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => "no JSON",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, TwilioClient, TwilioOptions};
    use engine::provider::Secret;

    fn pages(base: &str) -> Pages<Value> {
        let client = TwilioClient::new(TwilioOptions::at(base.parse().unwrap())).unwrap();
        let account_sid = format!("AC{}", "0".repeat(32)).parse().unwrap();
        let account = client.account(Credentials::AuthToken { account_sid, auth_token: Secret::new("t") });
        let first = account.url(&["Calls.json"]);
        Pages::new(account, "listing calls", "calls", first)
    }

    #[test]
    fn the_credential_stays_on_the_server_and_in_the_account() {
        let own = format!("/2010-04-01/Accounts/AC{}/Calls.json?Page=1", "0".repeat(32));
        let plain = pages("https://api.twilio.com");
        assert_eq!(plain.followed(&own).unwrap().as_str(), format!("https://api.twilio.com{own}"));
        let proxied = pages("https://proxy.example.test/twilio/");
        assert_eq!(
            proxied.followed(&own).unwrap().as_str(),
            format!("https://proxy.example.test/twilio{own}")
        );
        for foreign in [
            format!("https://elsewhere.example.test{own}"),
            format!("//elsewhere.example.test{own}"),
            format!("http://api.twilio.com{own}"),
            format!("https://api.twilio.com:8443{own}"),
            own.replace("AC0", "AC1"),
            "/2010-04-01/Accounts/../../elsewhere".to_owned(),
            format!("/2010-04-01/Accounts/AC{}/../AC{}/Calls.json", "0".repeat(32), "1".repeat(32)),
        ] {
            assert!(plain.followed(&foreign).is_err(), "{foreign}");
        }
    }
}
