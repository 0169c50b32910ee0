//! On whose behalf Twilio is asked.

use crate::{
    AccountSid, Credentials, Pages, TwilioClient, TwilioError,
    client::{Request, encode, read},
    limits::Share,
    retry::Repetition,
};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

/// An account or subaccount, and as whom it is acted on. Clones are cheap and share connections and limits.
#[derive(Clone, Debug)]
pub struct Account {
    client: TwilioClient,
    credentials: Credentials,
    sid: AccountSid,
}

impl Account {
    pub(crate) fn new(client: TwilioClient, credentials: Credentials) -> Self {
        let sid = credentials.account_sid().clone();
        Self { client, credentials, sid }
    }

    /// A subaccount, with these credentials, which must be its parent's auth token.
    #[must_use]
    pub fn subaccount(&self, sid: &AccountSid) -> Self {
        Self { sid: sid.clone(), ..self.clone() }
    }

    /// The account that is acted on.
    #[must_use]
    pub fn sid(&self) -> &AccountSid {
        &self.sid
    }

    pub(crate) fn client(&self) -> &TwilioClient {
        &self.client
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// `/2010-04-01/` and what follows.
    pub(crate) fn api_url(&self, segments: &[&str]) -> Url {
        let mut url = self.client.options().base_url.clone();
        // The client was only made with a URL that can have paths.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("2010-04-01").extend(segments);
        }
        url.set_query(None);
        url
    }

    /// A resource of the account.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let own = ["Accounts", self.sid.as_str()];
        self.api_url(&[&own, segments].concat())
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        url: Url,
    ) -> Result<T, TwilioError> {
        let repetition = Repetition::Harmless;
        let request = Request { doing, method: Method::GET, url, body: None, repetition, share: Share::Rest };
        read(doing, repetition, &self.client.send(self, &request).await?)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        url: Url,
        repetition: Repetition,
        fields: &impl Serialize,
    ) -> Result<T, TwilioError> {
        self.post_in(Share::Rest, doing, url, repetition, fields).await
    }

    pub(crate) async fn post_in<T: DeserializeOwned>(
        &self,
        share: Share,
        doing: &'static str,
        url: Url,
        repetition: Repetition,
        fields: &impl Serialize,
    ) -> Result<T, TwilioError> {
        let body = Some(encode(doing, fields)?);
        let request = Request { doing, method: Method::POST, url, body, repetition, share };
        read(doing, repetition, &self.client.send(self, &request).await?)
    }

    pub(crate) async fn delete(&self, doing: &'static str, url: Url) -> Result<(), TwilioError> {
        let repetition = Repetition::Harmless;
        let request =
            Request { doing, method: Method::DELETE, url, body: None, repetition, share: Share::Rest };
        self.client.send(self, &request).await.map(drop)
    }

    /// A list, from its first page. `name` is the field that holds the entries.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        mut url: Url,
        name: &'static str,
        filter: &impl Serialize,
    ) -> Result<Pages<T>, TwilioError> {
        let query = encode(doing, filter)?;
        let page_size = self.client.options().page_size;
        let separator = if query.is_empty() { "" } else { "&" };
        url.set_query(Some(&format!("{query}{separator}PageSize={page_size}")));
        Ok(Pages::new(self.clone(), doing, name, url))
    }
}
