//! What can be allowed: a closed list, and one table of which role and which scope of a key allows it.
//! `docs/permissions.md` shows the table; a test keeps the two the same.

use std::fmt;
use store::model::identity::Role;

/// Whether what is done reaches out of the house: to a carrier, a provider or a customer's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody outside learns of it.
    Inside,
    /// Somebody outside does. Keys for trying out may not.
    Outside,
}

/// Who in a tenant may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// Users with this role or a higher one.
    Role(Role),
    /// Nobody in a tenant: it belongs to those who run the platform.
    Platform,
}

/// One row of the table.
struct Row {
    name: &'static str,
    about: &'static str,
    least: Least,
    scopes: &'static [Scope],
    reach: Reach,
}

macro_rules! permissions {
    ($($variant:ident = $name:literal, $about:literal, $least:ident, [$($scope:ident),*], $reach:ident;)+) => {
        /// Something that can be allowed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission {
            $(#[doc = $about] $variant,)+
        }

        /// The table. Made from the same list as the permissions, so each row stands at its permission's number.
        const TABLE: &[Row] = &[$(Row {
            name: $name,
            about: $about,
            least: permissions!(@least $least),
            scopes: &[$(Scope::$scope),*],
            reach: Reach::$reach,
        },)+];

        impl Permission {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
    };
    (@least Platform) => { Least::Platform };
    (@least $role:ident) => { Least::Role(Role::$role) };
}

/// Declares the scopes with their text.
macro_rules! scopes {
    ($($variant:ident = $name:literal, $about:literal;)+) => {
        /// A part of what a key may be given. A key without scopes may do all that an admin may.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Scope {
            $(#[doc = $about] $variant,)+
        }

        impl Scope {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As stored and as in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// In one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),+ }
            }
        }
    };
}

scopes! {
    TenantRead = "tenant:read", "Look at the tenant's settings, its team, its health and its provisioning.";
    TenantWrite = "tenant:write", "Change the tenant's settings.";
    AccountsRead = "accounts:read", "Look at provider accounts; secrets are never shown.";
    AccountsWrite = "accounts:write", "Set up provider accounts and exchange their secrets.";
    NumbersRead = "numbers:read", "Look at numbers and try out their routing.";
    NumbersWrite = "numbers:write", "Change numbers, buy and release them.";
    RoutingRead = "routing:read", "Look at hours, assistants, queues and call flows.";
    RoutingWrite = "routing:write", "Change hours, assistants, queues and call flows.";
    CallsRead = "calls:read", "Look at calls, transcripts and voicemail.";
    CallsWrite = "calls:write", "Place calls, control live ones, tidy up voicemail.";
    CallsListen = "calls:listen", "Listen in on live calls.";
    ContactsRead = "contacts:read", "Look at contacts, conversations and messages.";
    ContactsWrite = "contacts:write", "Change contacts.";
    MessagesSend = "messages:send", "Send messages, and look at templates.";
    TemplatesWrite = "templates:write", "Look at templates and change them.";
    ConsentsRead = "consents:read", "Look at who wants messages and who does not.";
    ConsentsWrite = "consents:write", "Note who wants messages and who does not.";
    InboxWrite = "inbox:write", "Take over, assign and move conversations, and set up the inbox.";
    RecordingsRead = "recordings:read", "Listen to recordings.";
    RecordingsWrite = "recordings:write", "Delete recordings.";
    UsageRead = "usage:read", "Look at usage, cost, prices and budgets.";
    UsageWrite = "usage:write", "Set budgets.";
    WebhooksRead = "webhooks:read", "Look at webhook endpoints and deliveries.";
    WebhooksWrite = "webhooks:write", "Set up webhook endpoints, send deliveries again.";
    EventsRead = "events:read", "Follow everything that happens, as it happens.";
    AuditRead = "audit:read", "Read the audit log.";
}

permissions! {
    TenantRead = "tenant:read", "Read the tenant's settings.", Viewer, [TenantRead, TenantWrite], Inside;
    TenantUpdate = "tenant:update", "Change the tenant's settings.", Admin, [TenantWrite], Inside;
    TenantClose = "tenant:close", "End the tenant.", Owner, [], Outside;
    ProvisioningRead = "provisioning:read", "Follow how the tenant is set up at the carrier.", Admin,
        [TenantRead, TenantWrite], Inside;
    ProvisioningRun = "provisioning:run", "Set the tenant up at the carrier, or undo it.", Admin, [], Outside;
    HealthRead = "health:read", "Read the health of the tenant's providers.", Viewer, [TenantRead, TenantWrite], Inside;
    HealthCheck = "health:check", "Check the tenant's providers now, and mend what can be mended.", Admin, [TenantWrite],
        Outside;
    MembersRead = "members:read", "Read who is in the team.", Viewer, [TenantRead], Inside;
    MembersManage = "members:manage", "Invite, promote and remove people, none above oneself.", Admin, [], Inside;
    KeysRead = "api_keys:read", "Read which API keys there are.", Admin, [], Inside;
    KeysManage = "api_keys:manage", "Make, exchange and revoke API keys, none above oneself.", Admin, [], Inside;
    AuditRead = "audit:read", "Read the audit log.", Admin, [AuditRead], Inside;
    AccountsRead = "accounts:read", "Read provider accounts, without their secrets.", Admin,
        [AccountsRead, AccountsWrite], Inside;
    AccountsManage = "accounts:manage", "Set up provider accounts, which tries their credentials.", Admin, [AccountsWrite],
        Outside;
    NumbersRead = "numbers:read", "Read numbers, and simulate their routing.", Viewer, [NumbersRead, NumbersWrite], Inside;
    NumbersManage = "numbers:manage", "Change what a number does here.", Admin, [NumbersWrite], Inside;
    NumbersOrder = "numbers:order", "Search, buy, configure and release numbers at the carrier.", Admin, [NumbersWrite],
        Outside;
    RoutingRead = "routing:read", "Read hours, assistants, queues and call flows.", Viewer, [RoutingRead, RoutingWrite], Inside;
    RoutingManage = "routing:manage", "Change hours, assistants, queues and call flows.", Admin, [RoutingWrite], Inside;
    CallsRead = "calls:read", "Read calls, their turns, events and journal.", Viewer, [CallsRead, CallsWrite], Inside;
    CallsPlace = "calls:place", "Place calls.", Operator, [CallsWrite], Outside;
    CallsControl = "calls:control", "Hang up, transfer, mute, and speak into live calls.", Operator, [CallsWrite], Outside;
    CallsTry = "calls:try", "Try out how an incoming call would be answered.", Admin, [CallsWrite], Inside;
    CallsListen = "calls:listen", "Listen in on live calls.", Operator, [CallsListen], Inside;
    RecordingsRead = "recordings:read", "Listen to recordings; each time is noted.", Operator,
        [RecordingsRead, RecordingsWrite], Inside;
    RecordingsManage = "recordings:manage", "Delete recordings here and at the carrier.", Admin, [RecordingsWrite],
        Outside;
    ContactsRead = "contacts:read", "Read who talks to the tenant, and what is written with them.", Operator,
        [ContactsRead, ContactsWrite], Inside;
    ContactsManage = "contacts:manage", "Add, change and delete contacts.", Operator, [ContactsWrite], Inside;
    MessagesSend = "messages:send", "Send messages, and take them back.", Operator, [MessagesSend], Outside;
    TemplatesRead = "templates:read", "Read templates of messages, and try out how they look.", Operator,
        [MessagesSend, TemplatesWrite], Inside;
    TemplatesManage = "templates:manage", "Add, change and delete templates of messages.", Admin, [TemplatesWrite], Inside;
    ConsentsRead = "consents:read", "Read who wants messages and who does not, with the proofs.", Operator,
        [ConsentsRead, ConsentsWrite], Inside;
    ConsentsManage = "consents:manage", "Note who wants messages and who does not.", Admin, [ConsentsWrite], Inside;
    PrivacyRead = "privacy:read", "Read how far exports and erasures of people are, and their receipts.", Admin, [], Inside;
    PrivacyManage = "privacy:manage", "Export or erase all that is kept of a person.", Admin, [], Outside;
    InboxWork = "inbox:work", "Take conversations over and release them, assign them, move them on the board.", Operator,
        [InboxWrite], Inside;
    InboxManage = "inbox:manage", "Set up the board, its channels, and teams.", Admin, [InboxWrite], Inside;
    VoicemailsRead = "voicemails:read", "Read and hear the messages that callers left.", Operator, [CallsRead, CallsWrite],
        Inside;
    VoicemailsManage = "voicemails:manage", "Mark and delete messages that callers left.", Operator, [CallsWrite], Inside;
    SoftphoneUse = "softphone:use", "Get an access token of the carrier's for the browser.", Operator, [], Outside;
    UsageRead = "usage:read", "Read usage, cost, prices and budgets.", Admin, [UsageRead, UsageWrite], Inside;
    BudgetsManage = "budgets:manage", "Set budgets.", Admin, [UsageWrite], Inside;
    WebhooksRead = "webhooks:read", "Read webhook endpoints and deliveries.", Admin, [WebhooksRead, WebhooksWrite], Inside;
    WebhooksManage = "webhooks:manage", "Set up webhook endpoints.", Admin, [WebhooksWrite], Inside;
    WebhooksSend = "webhooks:send", "Send a delivery for trying out, again, or of a past time.", Admin, [WebhooksWrite],
        Outside;
    EventsRead = "events:read", "Follow what happens, as far as one may read it elsewhere.", Operator, [EventsRead], Inside;
    TenantsRead = "tenants:read", "Read all tenants.", Platform, [], Inside;
    TenantsManage = "tenants:manage", "Add, suspend and close tenants.", Platform, [], Outside;
    PricesManage = "prices:manage", "Change the price book.", Platform, [], Inside;
    PlatformManage = "platform:manage", "Change platform users, accounts and keys.", Platform, [], Inside;
}

impl Permission {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// As in documents and problems.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// In one sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// Who in a tenant may.
    #[must_use]
    pub fn least(self) -> Least {
        self.row().least
    }

    /// Which scopes of a key allow it.
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        self.row().scopes
    }

    /// Whether it reaches out of the house.
    #[must_use]
    pub fn reach(self) -> Reach {
        self.row().reach
    }

    /// Whether a user with this role may.
    #[must_use]
    pub fn is_of(self, role: Role) -> bool {
        match self.least() {
            // The highest role comes first.
            Least::Role(least) => role <= least,
            Least::Platform => false,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such scope: {0:?}")]
pub struct UnknownScope(pub String);

impl Scope {
    /// Reads what [`Self::as_str`] gives.
    ///
    /// # Errors
    /// When there is no such scope.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }

    /// Whether it allows `permission`.
    #[must_use]
    pub fn carries(self, permission: Permission) -> bool {
        permission.scopes().contains(&self)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
