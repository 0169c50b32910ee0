//! What a tenant's administrators are written when an account of its channels does not carry messages as it should (requirement S0-12).
//! How often that is, is decided with the account's health: at most once in 15 minutes for each.
//!
//! They are written by email, by a mail server of the tenant's that is not the account itself; a tenant without one is told by its
//! webhooks and events alone.

use super::{Senders, routes};
use messaging::{
    Channel, MessageType,
    health::Standing,
    plan::{EmailBackup, Plan, Step},
};
use outbox::{Alert, NewMessage, Text, To};
use store::{
    Filter, StoreError, TenantStore,
    ids::AccountId,
    model::{
        account::ProviderAccount,
        identity::{Membership, Role, User, UserStatus},
        message::Author,
        tenant::Tenant,
    },
};

/// Members of a tenant that are looked at.
const MEMBERS: u16 = 200;
/// What an alert says is of no use any more after an hour, in µs.
const USEFUL_US: i64 = 3_600_000_000;

/// A message for each of the tenant's administrators.
pub(super) async fn letters(
    senders: &Senders,
    part: &(dyn TenantStore + 'static),
    alert: Alert<'_>,
) -> Result<Vec<NewMessage>, StoreError> {
    let view = senders.directory.tenant(part.id()).await.map_err(StoreError::from)?;
    let ways_out = view.map(|view| routes::of(&view)).unwrap_or_default();
    let by_mail = |route: &outbox::Route| route.channel == Channel::Email && route.account != alert.account;
    if !ways_out.iter().any(by_mail) {
        return Ok(Vec::new());
    }
    let plan = match Plan::explicit(vec![Step::of(&[Channel::Email])], EmailBackup::Off) {
        Ok(plan) => plan,
        Err(_) => return Ok(Vec::new()),
    };
    let text = text(&words(part, alert).await?, alert);
    let now = crate::clock::now_us();
    let letter = |email: String| NewMessage {
        to: To { email: Some(email), ..To::default() },
        kind: MessageType::Critical,
        plan: plan.clone(),
        texts: [(Channel::Email, text.clone())].into(),
        sender: None,
        conversation: None,
        fence: None,
        author: Author::Api,
        send_at: None,
        useful_until: Some(now.saturating_add(USEFUL_US)),
        batch: None,
        template: None,
        call: None,
    };
    Ok(administrators(senders, part).await?.into_iter().map(letter).collect())
}

/// The addresses of those who may change the tenant's accounts.
async fn administrators(
    senders: &Senders,
    part: &(dyn TenantStore + 'static),
) -> Result<Vec<String>, StoreError> {
    let platform = senders.store.platform();
    let mut addresses = Vec::new();
    for row in part.list::<Membership>(&Filter::first(MEMBERS)).await? {
        let Membership { user, role, invitation } = row.value;
        if invitation.is_some() || !matches!(role, Role::Owner | Role::Admin) {
            continue;
        }
        let user = platform.get::<User>(&user).await?.map(|row| row.value);
        addresses.extend(user.filter(|user| user.status == UserStatus::Active).map(|user| user.email));
    }
    Ok(addresses)
}

/// What the words of an alert need beside it.
struct Words {
    tenant: String,
    account: String,
}

async fn words(part: &(dyn TenantStore + 'static), alert: Alert<'_>) -> Result<Words, StoreError> {
    let tenant = part.get::<Tenant>(part.id()).await?.map_or_else(String::new, |row| row.value.name);
    let row = match AccountId::parse(alert.account) {
        Ok(id) => part.get::<ProviderAccount>(&id).await?,
        Err(_) => None,
    };
    let account = row.map_or_else(
        || "of the configuration".to_owned(),
        |row| format!("{} ({}, {})", row.value.name, row.value.kind, row.id),
    );
    Ok(Words { tenant, account })
}

fn text(words: &Words, alert: Alert<'_>) -> Text {
    let (channel, account) = (alert.channel, &words.account);
    let why = alert.class.map_or_else(
        || "its messages take long to arrive".to_owned(),
        |class| format!("failures in a row: {}, the last: {class}", alert.failures),
    );
    let follows = if alert.standing == Standing::Down {
        format!(
            "It is passed over until a trial shows that it works. Once it is mended, POST /v1/health/channels/{}/reset uses it again at \
             once.",
            alert.account
        )
    } else {
        "It is still used.".to_owned()
    };
    Text {
        subject: Some(format!("{}: {channel} is {}: {account}", words.tenant, alert.standing)),
        text: format!(
            "The account {account} of the channel {channel} is {}: {why}.\n\n{follows}\n\nGET /v1/health/channels says how all accounts \
             are. You get this because you administer {}; of one account at most every 15 minutes.",
            alert.standing, words.tenant
        ),
        ..Text::default()
    }
}
