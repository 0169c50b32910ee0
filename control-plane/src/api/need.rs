//! What an operation needs, as a type: `Op<NumbersRead>` is one that whoever has that permission may ask for. The permissions
//! and who has them stand in [`identity::permission`].

use super::rate::Cost;
use identity::permission::Permission;

/// What an operation needs.
pub(crate) trait Need: Send + Sync + 'static {
    /// Which permission.
    const PERMISSION: Permission;
    /// Which limit it counts for.
    const COST: Cost;
}

macro_rules! needs {
    ($($name:ident: $cost:ident),+ $(,)?) => {
        $(
            #[doc = concat!("Needs [`Permission::", stringify!($name), "`].")]
            pub(crate) struct $name;

            impl Need for $name {
                const PERMISSION: Permission = Permission::$name;
                const COST: Cost = Cost::$cost;
            }
        )+
    };
}

needs! {
    TenantRead: Read,
    TenantUpdate: Write,
    TenantClose: Write,
    AuditRead: Read,
    AccountsRead: Read,
    AccountsManage: Spend,
    NumbersRead: Read,
    NumbersManage: Write,
    NumbersOrder: Spend,
    RoutingRead: Read,
    RoutingManage: Write,
    CallsRead: Read,
    CallsPlace: Spend,
    CallsControl: Write,
    CallsTry: Write,
    CallsListen: Read,
    ContactsRead: Read,
    ContactsManage: Write,
    MessagesSend: Write,
    InboxWork: Write,
    InboxManage: Write,
    TemplatesRead: Read,
    TemplatesManage: Write,
    ConsentsRead: Read,
    ConsentsManage: Write,
    PrivacyRead: Read,
    PrivacyManage: Write,
    RecordingsRead: Read,
    VoicemailsRead: Read,
    VoicemailsManage: Write,
    RecordingsManage: Write,
    UsageRead: Read,
    BudgetsManage: Write,
    WebhooksRead: Read,
    WebhooksManage: Write,
    WebhooksSend: Spend,
    EventsRead: Read,
    MembersRead: Read,
    MembersManage: Write,
    KeysRead: Read,
    KeysManage: Write,
    PlatformManage: Write,
    TenantsRead: Read,
    TenantsManage: Write,
    HealthRead: Read,
    HealthCheck: Spend,
    ProvisioningRead: Read,
    ProvisioningRun: Spend,
    SoftphoneUse: Spend,
}
