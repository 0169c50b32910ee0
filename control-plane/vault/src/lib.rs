//! Seals secrets with envelope encryption: a key-encryption key, data keys per tenant.
