//! Sessions: opened by signing in, kept alive by a refresh token that changes with every use, and over at once when they are
//! revoked. A refresh token that was used before revokes its session: somebody has stolen it.

use crate::{
    Identity, IdentityError,
    client::Client,
    random::{is_hash_of, random_text, sha256_hex},
    service::{SELF, again, micros},
    token::Issued,
};
use engine::provider::Secret;
use serde_json::json;
use store::{
    Filter, Stored, TenantTx,
    ids::{SessionId, UserId},
    model::identity::{Session, SessionStatus, User, UserStatus},
};

/// Sessions of a user that can live at once; the oldest ends for a further one.
const MOST_SESSIONS: u16 = 50;
/// Label of the mark in a refresh token.
const MARK: &str = "refresh token";

/// What a session's client holds.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// For requests.
    pub access: Issued,
    /// For the next of these, once.
    pub refresh: Secret,
    /// The session ends then unless it is refreshed before, unix µs.
    pub refresh_until: i64,
}

impl Identity {
    /// Opens a session of the user within a unit of work of the platform.
    pub(crate) async fn open_session(
        &self,
        tx: &mut dyn TenantTx,
        user: &UserId,
        method: &'static str,
        client: &Client,
    ) -> Result<SessionTokens, IdentityError> {
        let (now, session) = (tx.now(), SessionId::generate());
        let refresh = self.new_refresh_token(&session);
        let until = now.saturating_add(micros(self.options.session_idle.min(self.options.session_life)));
        let row = Session {
            user: user.clone(),
            token_hash: sha256_hex(refresh.reveal()),
            previous_token_hash: None,
            status: SessionStatus::Active,
            expires_at: until,
            ip: client.ip.map(|ip| ip.to_string()),
            user_agent: client.program(),
        };
        tx.insert_as(session.clone(), row).await?;
        let how = json!({ "method": method, "session": session.as_str(), "user_agent": client.program() });
        tx.note("user.sign_in", user.as_str(), &how).await?;
        let access = self.tokens.access(user, &session, now, self.options.access_life)?;
        Ok(SessionTokens { session, user: user.clone(), access, refresh, refresh_until: until })
    }

    /// New tokens for those of a session that lives.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] for a token that is not, or no longer, good.
    pub async fn refresh(
        &self,
        token: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<SessionTokens, IdentityError> {
        let id = self.session_of(token).ok_or(IdentityError::Refused)?;
        again!(self.refresh_once(&id, token, client, now))
    }

    async fn refresh_once(
        &self,
        id: &SessionId,
        token: &Secret,
        client: &Client,
        now: i64,
    ) -> Result<SessionTokens, IdentityError> {
        let platform = self.store.platform();
        let stored = platform.get::<Session>(id).await?.ok_or(IdentityError::Refused)?;
        let user = stored.value.user.clone();
        let mut tx = platform.begin(&client.user(&user), now).await?;
        let stored = tx.get::<Session>(id).await?.ok_or(IdentityError::Refused)?;
        let session = stored.value;
        if session.status != SessionStatus::Active || session.expires_at <= now {
            return Err(IdentityError::Refused);
        }
        let user_row = tx.get::<User>(&user).await?.ok_or(IdentityError::Refused)?;
        if user_row.value.status != UserStatus::Active {
            return Err(IdentityError::Refused);
        }
        if !is_hash_of(&session.token_hash, token.reveal()) {
            // We made it, and it is not the present one.
            tx.update(id, stored.version, Session { status: SessionStatus::Revoked, ..session }).await?;
            tx.note("session.reused_token", id.as_str(), &json!({ "user": user.as_str() })).await?;
            tx.commit().await?;
            return Err(IdentityError::Refused);
        }
        let refresh = self.new_refresh_token(id);
        let latest = stored.created_at.saturating_add(micros(self.options.session_life));
        let until = now.saturating_add(micros(self.options.session_idle)).min(latest);
        let next = Session {
            previous_token_hash: Some(session.token_hash.clone()),
            token_hash: sha256_hex(refresh.reveal()),
            expires_at: until,
            ip: client.ip.map(|ip| ip.to_string()),
            user_agent: client.program(),
            ..session
        };
        tx.update(id, stored.version, next).await?;
        tx.commit().await?;
        let access = self.tokens.access(&user, id, now, self.options.access_life)?;
        Ok(SessionTokens { session: id.clone(), user, access, refresh, refresh_until: until })
    }

    /// The user's sessions that live at `now`, the newest first.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn sessions(&self, user: &UserId, now: i64) -> Result<Vec<Stored<Session>>, IdentityError> {
        let filter = Filter::first(2 * MOST_SESSIONS).of(user.as_str()).with_status("active");
        let mut sessions = self.store.platform().list::<Session>(&filter).await?;
        sessions.retain(|session| session.value.expires_at > now);
        Ok(sessions)
    }

    /// Ends one of the user's sessions.
    ///
    /// # Errors
    /// [`IdentityError::Missing`] if the user has no such session.
    pub async fn sign_out(
        &self,
        user: &UserId,
        session: &SessionId,
        client: &Client,
        now: i64,
    ) -> Result<(), IdentityError> {
        again!(async {
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            let stored = tx.get::<Session>(session).await?.filter(|stored| stored.value.user == *user);
            let stored = stored.ok_or(IdentityError::Missing("session"))?;
            revoke(&mut *tx, &stored).await?;
            tx.note("user.sign_out", user.as_str(), &json!({ "session": session.as_str() })).await?;
            Ok(tx.commit().await?)
        })
    }

    /// Ends all of the user's sessions but `kept`, and says how many.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn sign_out_everywhere(
        &self,
        user: &UserId,
        kept: Option<&SessionId>,
        client: &Client,
        now: i64,
    ) -> Result<usize, IdentityError> {
        again!(async {
            let sessions = self.sessions(user, now).await?;
            let mut tx = self.store.platform().begin(&client.user(user), now).await?;
            let ended = end(&mut *tx, sessions, kept).await?;
            tx.note("user.sign_out", user.as_str(), &json!({ "sessions": ended })).await?;
            tx.commit().await?;
            Ok(ended)
        })
    }

    /// Before a session is opened: the oldest of too many are to end.
    pub(crate) async fn end_oldest_session(&self, user: &UserId, now: i64) -> Result<(), IdentityError> {
        let sessions = self.sessions(user, now).await?;
        let surplus = sessions.into_iter().skip(usize::from(MOST_SESSIONS) - 1).collect::<Vec<_>>();
        if surplus.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.platform().begin(&Client::default().system(SELF), now).await?;
        end(&mut *tx, surplus, None).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes sessions that are over for good, at most `most`; says how many.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn forget_sessions(&self, most: u16, now: i64) -> Result<usize, IdentityError> {
        let oldest = now.saturating_sub(micros(self.options.session_life));
        let sessions = self.store.platform().list::<Session>(&Filter::first(most).oldest_first()).await?;
        let over: Vec<_> = sessions.into_iter().take_while(|session| session.created_at < oldest).collect();
        if over.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.platform().begin(&Client::default().system(SELF), now).await?;
        for session in &over {
            tx.delete::<Session>(&session.id, session.version).await?;
        }
        tx.commit().await?;
        Ok(over.len())
    }

    /// `session.random.mark`: the mark says that we made it, also when it is not the present one any more.
    fn new_refresh_token(&self, session: &SessionId) -> Secret {
        let unmarked = format!("{session}.{}", random_text());
        Secret::new(&format!("{unmarked}.{}", self.tokens.mark(MARK, &unmarked)))
    }

    /// The session that a refresh token of ours is for.
    fn session_of(&self, token: &Secret) -> Option<SessionId> {
        let (unmarked, mark) = token.reveal().rsplit_once('.')?;
        if !self.tokens.is_mark(MARK, unmarked, mark) {
            return None;
        }
        SessionId::parse(unmarked.split_once('.')?.0).ok()
    }
}

/// Ends sessions that live.
pub(crate) async fn end(
    tx: &mut dyn TenantTx,
    sessions: Vec<Stored<Session>>,
    kept: Option<&SessionId>,
) -> Result<usize, IdentityError> {
    let mut ended = 0;
    for session in sessions.iter().filter(|session| Some(&session.id) != kept) {
        revoke(tx, session).await?;
        ended += 1;
    }
    Ok(ended)
}

async fn revoke(tx: &mut dyn TenantTx, stored: &Stored<Session>) -> Result<(), IdentityError> {
    let over = Session { status: SessionStatus::Revoked, ..stored.value.clone() };
    tx.update(&stored.id, stored.version, over).await?;
    Ok(())
}
