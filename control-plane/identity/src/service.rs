//! The service: the store, the vault, keys and limits, behind all that follows.

use crate::{
    IdentityError,
    client::Client,
    lockout::{after_failure, is_locked},
    openid::OpenId,
    password::{PasswordOptions, Passwords},
    throttle::{Rate, Throttle, network_of},
    token::Tokens,
};
use parking_lot::Mutex;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use store::{
    Store, StoreError,
    ids::{KeyId, UserId},
    model::identity::{User, UserStatus},
};
use vault::Vault;

/// What the service does by itself stands under this name in the audit log.
pub(crate) const SELF: &str = "identity";
/// How often something is tried when others change the same row meanwhile.
pub(crate) const TRIES: usize = 4;

/// Does something again when another changed the same row meanwhile.
macro_rules! again {
    ($work:expr) => {{
        let mut tries = 1;
        loop {
            let done: Result<_, $crate::IdentityError> = $work.await;
            match done {
                Err(error) if error.is_stale() && tries < $crate::service::TRIES => tries += 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use again;

/// Lifetimes and limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityOptions {
    /// Whom an authenticator app shows. Default "Tandem".
    pub name: String,
    /// Life of an access token. Default 15 min: what it shows of a session is looked up with every request all the same.
    pub access_life: Duration,
    /// A session ends when it is not refreshed for this long. Default 14 days: a holiday.
    pub session_idle: Duration,
    /// A session ends after this, however much it is used. Default 90 days.
    pub session_life: Duration,
    /// Time to type a one-time password. Default 5 min.
    pub second_factor_life: Duration,
    /// Time to sign in at an OpenID provider. Default 10 min.
    pub openid_life: Duration,
    /// Time to accept an invitation. Default 7 days.
    pub invitation_life: Duration,
    /// How passwords are hashed.
    pub passwords: PasswordOptions,
    /// Tries from one network. Default 20 at once and one every 6 s: an office behind one address.
    pub tries_of_network: Rate,
    /// Tries for one user. Default 10 at once and one a minute.
    pub tries_of_user: Rate,
    /// Networks and users that are counted apart. Default 20,000: about 3 MB.
    pub counted: usize,
    /// The use of a key is noted this often. Default 60 s: more would be a write with every request.
    pub key_use_every: Duration,
}

impl Default for IdentityOptions {
    fn default() -> Self {
        Self {
            name: "Tandem".to_owned(),
            access_life: Duration::from_mins(15),
            session_idle: Duration::from_hours(14 * 24),
            session_life: Duration::from_hours(90 * 24),
            second_factor_life: Duration::from_mins(5),
            openid_life: Duration::from_mins(10),
            invitation_life: Duration::from_hours(7 * 24),
            passwords: PasswordOptions::default(),
            tries_of_network: Rate { burst: 20, every: Duration::from_secs(6) },
            tries_of_user: Rate { burst: 10, every: Duration::from_mins(1) },
            counted: 20_000,
            key_use_every: Duration::from_mins(1),
        }
    }
}

/// Knows who is who. One for each process, shared.
pub struct Identity {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) tokens: Tokens,
    pub(crate) openid: OpenId,
    pub(crate) passwords: Passwords,
    pub(crate) options: IdentityOptions,
    /// When the use of each key was noted last.
    pub(crate) key_uses: Mutex<HashMap<KeyId, i64>>,
    networks: Mutex<Throttle>,
    users: Mutex<Throttle>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Identity {
    /// Gets ready; nothing is asked or written yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        tokens: Tokens,
        openid: OpenId,
        options: IdentityOptions,
    ) -> Self {
        Self {
            store,
            vault,
            tokens,
            openid,
            passwords: Passwords::new(options.passwords),
            key_uses: Mutex::new(HashMap::new()),
            networks: Mutex::new(Throttle::new(options.tries_of_network, options.counted)),
            users: Mutex::new(Throttle::new(options.tries_of_user, options.counted)),
            options,
        }
    }

    /// Counts a try from a network.
    pub(crate) fn count_network(&self, client: &Client, now: i64) -> Result<(), IdentityError> {
        let Some(ip) = client.ip else { return Ok(()) };
        let counted = self.networks.lock().take(&network_of(ip), now);
        counted.map_err(|wait| IdentityError::TooMany { wait })
    }

    /// Counts a try for a user, whether there is one or not.
    pub(crate) fn count_user(&self, user: &str, now: i64) -> Result<(), IdentityError> {
        self.users.lock().take(user, now).map_err(|wait| IdentityError::TooMany { wait })
    }

    /// Notes that a password or a code was wrong.
    pub(crate) async fn note_failure(
        &self,
        user: &UserId,
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        again!(async {
            let mut tx = self.store.platform().begin(&client.system(SELF), now).await?;
            let Some(stored) = tx.get::<User>(user).await? else { return Ok(()) };
            // While nobody can sign in, nothing was tried.
            if is_locked(&stored.value, now) {
                return Ok(());
            }
            tx.update(user, stored.version, after_failure(stored.value, now)).await?;
            Ok(tx.commit().await?)
        })
    }

    pub(crate) async fn user(&self, user: &UserId) -> Result<store::Stored<User>, IdentityError> {
        let stored = self.store.platform().get::<User>(user).await?;
        stored.ok_or(IdentityError::Store(StoreError::Missing { what: "user" }))
    }
}

/// Whether the user may sign in at `now`.
pub(crate) fn may_sign_in(user: &User, now: i64) -> bool {
    match user.status {
        UserStatus::Active => !is_locked(user, now),
        UserStatus::Invited | UserStatus::Disabled => false,
    }
}

/// Microseconds, for adding to a time.
pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The form in which email addresses are kept and compared.
///
/// # Errors
/// [`IdentityError::NotAnAddress`]: it has not the form of one, at least.
pub fn normalized_email(text: &str) -> Result<String, IdentityError> {
    let text = text.trim().to_lowercase();
    let fits = text.len() <= 254
        && !text.chars().any(|char| char.is_whitespace() || char.is_control())
        && text.rsplit_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
        });
    if fits { Ok(text) } else { Err(IdentityError::NotAnAddress) }
}
