use super::*;
use std::fmt::Write as _;

/// The table as a document.
fn document() -> String {
    let mut text = String::from(
        "# Who may do what\n\n\
         Made from the table in `control-plane/identity/src/permission.rs`; its test keeps this page the same\n\
         (`UPDATE_EXPECT=1 cargo test -p identity` writes it again).\n\n\
         A user has one role in each tenant. A key of a tenant has scopes; one without may do all that an admin may. Those who\n\
         run the platform may do everything in every tenant, and so may keys of the platform that have no scopes. What reaches\n\
         out of the house (to the carrier, a provider, a customer's server) is refused to test keys (`tdm_test_…`).\n\n\
         | permission | | owner | admin | operator | viewer | scopes of keys | out of the house |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for permission in Permission::ALL {
        let marks = Role::ALL.iter().map(|role| if permission.is_of(*role) { "yes" } else { "" });
        let marks: Vec<_> = marks.collect();
        let scopes: Vec<_> = permission.scopes().iter().map(|scope| format!("`{scope}`")).collect();
        let about = match permission.least() {
            Least::Platform => format!("{} Platform only.", permission.about()),
            Least::Role(_) => permission.about().to_owned(),
        };
        let outside = if permission.reach() == Reach::Outside { "yes" } else { "" };
        writeln!(
            text,
            "| `{permission}` | {about} | {} | {} | {outside} |",
            marks.join(" | "),
            scopes.join(", ")
        )
        .unwrap();
    }
    text.push_str("\n## Scopes of keys\n\n| scope | |\n|---|---|\n");
    for scope in Scope::ALL {
        writeln!(text, "| `{scope}` | {} |", scope.about()).unwrap();
    }
    text
}

#[test]
fn the_documented_table_is_the_table_that_decides() {
    expect_test::expect_file!["../../../../docs/permissions.md"].assert_eq(&document());
}

#[test]
fn names_are_unique() {
    for (index, permission) in Permission::ALL.iter().enumerate() {
        assert!(Permission::ALL[..index].iter().all(|other| other.as_str() != permission.as_str()));
    }
    for scope in Scope::ALL {
        assert_eq!(Scope::parse(scope.as_str()), Ok(*scope));
    }
    assert_eq!(Scope::parse("everything"), Err(UnknownScope("everything".to_owned())));
}

#[test]
fn a_higher_role_may_all_that_a_lower_one_may() {
    for permission in Permission::ALL {
        for pair in Role::ALL.windows(2) {
            assert!(permission.is_of(pair[0]) || !permission.is_of(pair[1]), "{permission} {pair:?}");
        }
    }
}

#[test]
fn every_scope_allows_something_and_nothing_that_an_admin_may_not() {
    for scope in Scope::ALL {
        assert!(Permission::ALL.iter().any(|permission| scope.carries(*permission)), "{scope}");
        for permission in Permission::ALL.iter().filter(|permission| scope.carries(**permission)) {
            assert!(permission.is_of(Role::Admin), "{scope} carries {permission}");
        }
    }
}

#[test]
fn no_scope_that_only_reads_changes_anything() {
    let changes =
        [":manage", ":update", ":close", ":run", ":order", ":place", ":control", ":send", ":check", ":use"];
    for scope in Scope::ALL.iter().filter(|scope| scope.as_str().ends_with(":read")) {
        for permission in Permission::ALL.iter().filter(|permission| scope.carries(**permission)) {
            assert!(!changes.iter().any(|verb| permission.as_str().ends_with(verb)), "{scope}: {permission}");
        }
    }
}

#[test]
fn a_viewer_only_looks() {
    for permission in Permission::ALL.iter().filter(|permission| permission.is_of(Role::Viewer)) {
        assert!(permission.as_str().ends_with(":read"), "{permission}");
    }
}
