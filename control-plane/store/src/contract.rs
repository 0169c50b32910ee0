//! The behaviour that every database must show, as functions that are given an empty store. A database crate runs them with
//! [`contract_tests!`](crate::contract_tests).
#![allow(missing_docs, reason = "each is named after the rule that it proves")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test says what it expects by failing")]

pub mod calls;
pub mod events;
pub mod ledger;
mod samples;
pub mod seed;
pub mod tenancy;
pub mod timing;
pub mod units;

use crate::{
    Store, TenantId, TenantStore,
    model::audit::{Actor, ActorKind},
};

/// Who does what is done in these tests.
pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::User,
        id: "usr_1".to_owned(),
        ip: Some("192.0.2.7".to_owned()),
        request_id: Some("req_1".to_owned()),
    }
}

/// A new tenant with this slug.
pub(crate) async fn tenant(store: &dyn Store, slug: &str) -> Box<dyn TenantStore> {
    let id = TenantId::generate();
    let mut tx = store.platform().begin(&actor(), 1).await.unwrap();
    tx.insert_as(id.clone(), samples::tenant_value(slug)).await.unwrap();
    tx.commit().await.unwrap();
    store.tenant(&id)
}

/// Makes a test of every rule of the contract. `$open` is an async expression that gives `Some` of a value that holds an
/// empty [`Store`](crate::Store) in its field `store` and whatever must live as long as it, or `None` if the database cannot be
/// had here.
///
/// The crate that uses it needs `tokio` with `macros` and `rt` among its test dependencies.
#[macro_export]
macro_rules! contract_tests {
    ($open:expr) => {
        $crate::contract_tests! {
            @ $open;
            calls: [
                a_call_that_is_told_twice_is_there_once,
                a_step_counts_only_from_the_state_it_starts_from,
                what_happened_in_a_call_is_read_back_in_order,
                a_call_that_is_handed_over_is_not_over_for_the_carrier,
                records_are_written_all_or_none,
                pages_hold_every_call_once_newest_first,
                a_filter_keeps_what_it_names,
                what_is_learned_of_a_call_stays,
                calls_are_found_by_what_was_said,
                the_live_list_holds_calls_that_are_not_over,
            ]
            events: [
                whoever_follows_is_told_everything_once,
                what_happens_once_is_written_once,
                places_are_not_given_again_when_events_are_forgotten,
            ]
            ledger: [
                a_price_of_the_provider_replaces_the_estimate,
                a_closed_store_says_so,
            ]
            tenancy: [
                no_resource_of_a_tenant_is_another_ones,
                no_call_of_a_tenant_is_another_ones,
                logs_keys_and_work_of_a_tenant_are_not_another_ones,
                the_platform_reaches_all_tenants_and_each_tenant_itself,
                the_platform_sees_the_worst_providers_first_and_whose_are_due,
                an_active_number_belongs_to_one_tenant,
                a_key_leads_to_its_tenant,
                a_user_learns_in_which_tenants_it_is_what,
                an_account_leads_to_all_who_set_it_up,
            ]
            units: [
                a_resource_changes_only_from_the_version_that_was_read,
                a_unit_of_work_counts_as_a_whole_or_not_at_all,
                what_no_database_can_keep_is_refused,
                resources_are_listed_in_pages,
                every_change_writes_its_line_of_the_audit_log,
                a_request_has_its_effect_once,
                what_is_said_of_a_person_can_be_taken_and_nothing_else,
                work_is_held_by_one_worker_until_its_lease_ends,
                work_that_another_holds_by_now_does_not_undo_what_came_of_it,
                a_unit_of_work_that_is_behind_makes_room_for_the_next_however_it_ends,
                what_others_belong_to_is_not_deleted,
                a_resource_of_a_newer_version_is_not_misread,
                keys_and_numbers_come_back_as_they_were_stored,
                what_answers_calls_changes_the_tenants_stamp_and_is_told,
                a_directory_is_read_as_it_stands,
            ]
        }
    };
    (@ $open:expr; $($module:ident: [$($name:ident,)+])+) => {
        $($(
            #[tokio::test]
            async fn $name() {
                if let Some(opened) = $open {
                    $crate::contract::$module::$name(&opened.store).await;
                }
            }
        )+)+
    };
}
