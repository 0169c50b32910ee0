//! The role that the program works as. Roles belong to the whole server, so two databases of it may come to need the same
//! one at the same time.

use sqlx::{Executor as _, PgPool};

/// Said on every connection of the pool.
pub(crate) const BECOME: &str = "set role tandem_app";

/// Creates the role unless it is there, and lets the user of this connection become it.
pub(crate) async fn ensure(owner: &PgPool) -> Result<(), sqlx::Error> {
    owner
        .execute(
            "do $$
            begin
                if not exists (select from pg_roles where rolname = 'tandem_app') then
                    create role tandem_app nologin nosuperuser nobypassrls nocreatedb nocreaterole;
                end if;
                if not pg_has_role(current_user, 'tandem_app', 'member') then
                    grant tandem_app to current_user;
                end if;
            exception when duplicate_object or unique_violation then
                null;
            end
            $$",
        )
        .await?;
    Ok(())
}
