//! Secrets at rest: nobody who has the database alone can read one, and none can be moved to another place.
//!
//! Envelope encryption in two layers, both XChaCha20-Poly1305 with random 192-bit nonces:
//!
//! - A [`KeyRing`] holds key-encryption keys. They come from configuration or a file, never from the database.
//! - Each tenant has a data key ([`DataKey`](store::model::account::DataKey)), wrapped with a key-encryption key and bound to its
//!   tenant and id. The [`Vault`] makes the first one when it is needed.
//! - A data key seals the tenant's secrets ([`Sealed`](store::model::account::Sealed)), each bound to its [`Place`]: a sealed secret
//!   that was moved to another row, field or tenant does not open.
//!
//! [`Vault::rewrap`] wraps all data keys with the ring's newest key; [`Vault::renew_data_keys`] gives every tenant a new data key and
//! seals its secrets again. Both can be cut off at any point and started again.
//!
//! Keys are wiped from memory when they are let go of, and nothing here shows one in `Debug`, an error or a log.

mod aead;
mod cache;
mod error;
mod holders;
mod key_file;
mod place;
mod ring;
mod rotate;
mod status;
mod vault;

pub use cache::CacheOptions;
pub use error::VaultError;
pub use key_file::KeyFileError;
pub use place::Place;
pub use ring::{KekId, KeyRing, KeyRingError, new_key};
pub use rotate::{Mode, Renewed, Rewrapped};
pub use status::Status;
pub use vault::Vault;
