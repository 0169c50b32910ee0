//! `tandem admin`: lets somebody in who runs the platform.

use super::{Failure, Outcome, runtime, serve::configuration, store::open_store, tool_log};
use crate::cli::{Admin, AdminCommand};
use control_plane::admin::{Invited, invite_admin, invite_to_reset};
use serde_json::json;

/// One thread waits for the database, one is enough for all else.
const THREADS: usize = 1;

pub(super) fn run(admin: &Admin) -> Result<Outcome, Failure> {
    tool_log();
    let config = configuration(admin.config.as_deref())?;
    let ring = config.known_key_ring()?;
    let (AdminCommand::Create(person) | AdminCommand::Reset(person)) = &admin.command;
    let invited: Invited = runtime(Some(THREADS))?.block_on(async {
        let store = open_store(&config).await?;
        let invited = match &admin.command {
            AdminCommand::Create(person) => {
                let name = person.name.as_deref().unwrap_or(&person.email);
                invite_admin(&store, ring, &person.email, name).await?
            }
            AdminCommand::Reset(person) => invite_to_reset(&store, ring, &person.email).await?,
        };
        store.close().await;
        Ok::<_, Failure>(invited)
    })?;
    if person.json {
        let shown = json!({
            "user": invited.user,
            "token": invited.token.reveal(),
            "expires_at": invited.expires_at,
        });
        println!("{shown}");
    } else {
        println!("{}", invited.token.reveal());
        eprintln!(
            "Good once, until {}. It is kept nowhere: pass it on to {}, who sets the password with\n\
             POST {}/v1/auth/invitations/accept {{\"token\": \"…\", \"password\": \"…\"}}",
            invited.expires_at,
            person.email,
            config.public_url()
        );
    }
    Ok(Outcome::Success)
}
