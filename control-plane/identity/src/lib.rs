//! Who may do what: passwords, one-time passwords, sessions, tokens, OpenID Connect and API keys.
