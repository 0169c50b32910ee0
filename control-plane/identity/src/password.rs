//! Passwords are kept as Argon2id hashes. Hashing runs beside the calls, few at a time, so that a flood of sign-ins takes
//! neither their processor nor the memory; and a sign-in of somebody unknown takes as long as any other.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use engine::provider::Secret;
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// Memory of one hash, KiB. With [`ITERATIONS`] and [`LANES`] the first choice of OWASP's Password Storage Cheat Sheet that needs
/// less than 20 MiB ("Argon2id": m=19456, t=2, p=1).
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
pub const ITERATIONS: u32 = 2;
/// Lanes that could run at once.
pub const LANES: u32 = 1;
/// Bytes of a salt: what RFC 9106, section 3.1, recommends.
const SALT: usize = 16;

/// Shortest password, in characters. NIST SP 800-63B-4, section 3.1.1.2, asks for 8 with a second factor and 15 without;
/// lockout and throttling stand in the gap.
pub const SHORTEST: usize = 12;
/// Longest, in bytes: enough for any phrase, and hashing it costs nothing.
pub const LONGEST: usize = 256;

/// Why a password cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has fewer than [`SHORTEST`] characters.
    #[error("a password has at least {SHORTEST} characters")]
    TooShort,
    /// It has more than [`LONGEST`] bytes.
    #[error("a password has at most {LONGEST} bytes")]
    TooLong,
    /// It is the first that anybody would try.
    #[error("this password is too easy to guess")]
    Obvious,
}

/// Whether `password` can be taken by the user with this email address.
///
/// # Errors
/// [`Unfit`].
pub fn check(password: &Secret, email: &str) -> Result<(), Unfit> {
    let text = password.reveal();
    if text.len() > LONGEST {
        return Err(Unfit::TooLong);
    }
    if text.chars().count() < SHORTEST {
        return Err(Unfit::TooShort);
    }
    let lower = text.to_lowercase();
    let name = email.split('@').next().unwrap_or_default();
    // A pattern that repeats, or the address with a little around it.
    let repeats = (1..=4).any(|period| lower.chars().zip(lower.chars().skip(period)).all(|(a, b)| a == b));
    let rest = if name.len() < 4 { lower.len() } else { lower.replace(name, "").len() };
    if repeats || rest < SHORTEST / 2 { Err(Unfit::Obvious) } else { Ok(()) }
}

/// How many passwords are hashed at once, and how long others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordOptions {
    /// Hashes at the same time. Default 2: 38 MiB, and a small machine keeps processors for its calls.
    pub at_once: usize,
    /// Sign-ins that wait for their turn. Default 64: at about 30 ms each, the last one waits a second.
    pub waiting: usize,
    /// Longest wait for a turn. Default 5 s: nobody looks at a sign-in page for longer.
    pub wait: Duration,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        Self { at_once: 2, waiting: 64, wait: Duration::from_secs(5) }
    }
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many others wait.
    #[error("too many sign-ins wait for their turn")]
    Busy,
    /// It could not be hashed.
    #[error("failed to hash a password")]
    Hash(#[source] argon2::password_hash::Error),
    /// A stored hash is not one that this version reads.
    #[error("a stored password hash is not understood")]
    Unreadable(#[source] argon2::password_hash::phc::Error),
    /// The hashing was cut off.
    #[error("hashing a password was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

/// What came of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the wrong one, or there is none.
    Wrong,
    /// It is the right one.
    Right {
        /// The hash was made with other parameters than today's: hash it again.
        outdated: bool,
    },
}

/// Hashes and compares passwords.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// A place for each that hashes or waits.
    places: Arc<Semaphore>,
    wait: Duration,
}

impl Passwords {
    /// Gets ready.
    #[must_use]
    pub fn new(options: PasswordOptions) -> Self {
        let at_once = options.at_once.max(1);
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + options.waiting)),
            wait: options.wait,
        }
    }

    /// The hash to store.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn hash(&self, password: &Secret) -> Result<String, PasswordError> {
        let password = password.clone();
        self.in_turn(move || hash(password.reveal(), rand::random())).await
    }

    /// Compares the password with a stored hash. Without one it takes as long and is wrong.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn compare(
        &self,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<Comparison, PasswordError> {
        // Nothing longer can have been set.
        let fits = password.reveal().len() <= LONGEST;
        let (password, stored) = (password.clone(), stored.filter(|_| fits).map(str::to_owned));
        self.in_turn(move || match stored {
            Some(stored) => compare(password.reveal(), &stored),
            None => {
                static NOBODYS: LazyLock<Option<String>> =
                    LazyLock::new(|| hash("of nobody", rand::random()).ok());
                let nobodys = NOBODYS.as_deref().unwrap_or_default();
                compare("somebody", nobodys).map(|_| Comparison::Wrong)
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let turn = timeout(self.wait, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| PasswordError::Busy)?.map_err(|_| PasswordError::Busy)?;
        let done = spawn_blocking(move || {
            let done = work();
            // The turn ends with the work, also if nobody waits for it any more.
            drop((turn, place));
            done
        });
        done.await.map_err(PasswordError::CutOff)?
    }
}

fn parameters() -> Params {
    #[expect(clippy::expect_used, reason = "the constants are within the algorithm's bounds")]
    Params::new(MEMORY_KIB, ITERATIONS, LANES, None).expect("constants within bounds")
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters())
}

fn hash(password: &str, salt: [u8; SALT]) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        argon2().hash_password_with_salt(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

fn compare(password: &str, stored: &str) -> Result<Comparison, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(PasswordError::Unreadable)?;
    match argon2().verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(Comparison::Right { outdated: is_outdated(&stored) }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Comparison::Wrong),
        Err(error) => Err(PasswordError::Hash(error)),
    }
}

fn is_outdated(stored: &PasswordHash) -> bool {
    let same = Params::try_from(stored).is_ok_and(|parameters| {
        (parameters.m_cost(), parameters.t_cost(), parameters.p_cost()) == (MEMORY_KIB, ITERATIONS, LANES)
    });
    !same || stored.algorithm.as_str() != Algorithm::Argon2id.as_ref()
}

#[cfg(test)]
mod tests;
