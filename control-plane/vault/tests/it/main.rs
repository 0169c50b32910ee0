//! The vault on both databases. Where there is no PostgreSQL its half is left out and says so
//! (`store_postgres::test_server`).
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod covered;
mod key_file;
mod rotation;
mod sealing;
mod support;

/// Makes a test on each database of every function, which is given an empty store.
macro_rules! on_both_stores {
    ($($module:ident: [$($rule:ident,)+])+) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $rule() {
                    let opened = crate::support::sqlite().await;
                    crate::$module::$rule(opened.store()).await;
                }
            )+)+
        }
        mod postgres {
            $($(
                #[tokio::test]
                async fn $rule() {
                    if let Some(store) = crate::support::postgres().await {
                        crate::$module::$rule(store).await;
                    }
                }
            )+)+
        }
    };
}

on_both_stores! {
    sealing: [
        a_secret_opens_at_its_place_and_nowhere_else,
        a_secret_that_was_changed_does_not_open,
        two_nodes_that_make_the_first_data_key_at_once_end_with_one,
        a_data_key_made_in_a_unit_of_work_counts_with_it_or_not_at_all,
        a_data_key_moved_to_another_tenant_does_not_open,
        a_node_with_another_key_is_found_at_the_start,
        nothing_in_the_audit_log_opens_anything,
    ]
    rotation: [
        a_new_key_encryption_key_wraps_everything_and_the_old_one_can_go,
        a_dry_run_counts_and_changes_nothing,
        new_data_keys_seal_every_secret_again,
        a_renewal_that_was_cut_off_anywhere_goes_on,
        a_secret_sealed_with_the_old_data_key_meanwhile_still_opens,
        what_does_not_open_is_counted_and_left,
    ]
}
