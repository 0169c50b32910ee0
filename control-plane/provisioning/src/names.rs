//! What things are called at the carrier: for people, and so that ours are found again.

use store::{TenantId, model::account::AccountMode};

/// Longest name that Twilio takes, in characters.
const LONGEST: usize = 64;
/// Characters of an id that tell it from others: its random end.
const TAIL: usize = 10;

/// What tells a tenant's things from those of another tenant of the same name.
fn tail(tenant: &TenantId) -> &str {
    let text = tenant.as_str();
    text.get(text.len().saturating_sub(TAIL)..).unwrap_or(text)
}

/// `before`, as much of the organization's name as there is room for, and `after`.
fn fitted(before: &str, organization: &str, after: &str) -> String {
    let room = LONGEST.saturating_sub(before.chars().count() + after.chars().count());
    let clean: String =
        organization.chars().map(|c| if c.is_control() { ' ' } else { c }).take(room).collect();
    format!("{before}{}{after}", clean.trim())
}

/// A tenant's subaccount: `<Product> - <organization> (<end of the tenant's id>)`.
pub(crate) fn subaccount(product: &str, organization: &str, tenant: &TenantId) -> String {
    fitted(&format!("{product} - "), organization, &format!(" ({})", tail(tenant)))
}

/// The application of softphones: `<organization> - Voice`. In an account of the tenant's own there may be another of that name.
pub(crate) fn application(organization: &str, tenant: &TenantId, mode: AccountMode) -> String {
    fitted("", organization, &format!(" - Voice{}", own(tenant, mode)))
}

/// The key of softphones: `<organization> - Softphone`.
pub(crate) fn key(organization: &str, tenant: &TenantId, mode: AccountMode) -> String {
    fitted("", organization, &format!(" - Softphone{}", own(tenant, mode)))
}

fn own(tenant: &TenantId, mode: AccountMode) -> String {
    match mode {
        AccountMode::Own => format!(" ({})", tail(tenant)),
        AccountMode::Subaccount => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_say_whose_they_are() {
        let tenant = TenantId::known("ten_01k5exampleexampleexample0");
        assert_eq!(subaccount("Tandem", "Example", &tenant), "Tandem - Example (leexample0)");
        assert_eq!(application("Example", &tenant, AccountMode::Subaccount), "Example - Voice");
        assert_eq!(key("Example", &tenant, AccountMode::Own), "Example - Softphone (leexample0)");
    }

    proptest! {
        #[test]
        fn no_name_is_too_long_and_each_tenant_has_its_own(organization in "\\PC{0,100}") {
            let (one, two) = (TenantId::generate(), TenantId::generate());
            let names = [&one, &two].map(|tenant| subaccount("Tandem", &organization, tenant));
            prop_assert!(names.iter().all(|name| name.chars().count() <= LONGEST));
            prop_assert_ne!(&names[0], &names[1]);
        }
    }
}
