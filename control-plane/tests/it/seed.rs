//! What a tenant has set up, put into the store before the control plane opens it, and read back after it has closed.

use crate::support::{Folder, Harness, OWN_NUMBER, open_store, settings};
use control_plane::{ControlPlane, settings::ControlPlaneSettings};
use std::sync::Arc;
use store::{
    Store, TenantId,
    ids::{HoursId, NumberId, QueueId, UserId},
    model::{
        audit::Actor,
        identity::{Membership, Proofs, Role, User, UserStatus},
        number::{BusinessHours, Capabilities, Destination, Number, NumberStatus, Routing, WeeklySpan},
        queue::{Queue, QueueMember},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};

/// A tenant and what it has set up.
pub(crate) struct Seed {
    pub(crate) status: TenantStatus,
    pub(crate) settings: TenantSettings,
    pub(crate) number: Number,
    pub(crate) hours: BusinessHours,
    pub(crate) queue: Queue,
}

/// The user who takes the queue's calls.
pub(crate) const USER: &str = "usr_01h00000000000000000000001";
/// The queue.
pub(crate) const QUEUE: &str = "que_01h00000000000000000000001";
/// The number.
pub(crate) const NUMBER: &str = "num_01h00000000000000000000001";
/// The hours of the number: those of `Seed::hours`.
pub(crate) const HOURS: &str = "hrs_01h00000000000000000000001";

impl Seed {
    /// The number goes through these destinations at all times.
    pub(crate) fn to(during: Vec<Destination>) -> Self {
        let number = Number {
            e164: OWN_NUMBER.to_owned(),
            carrier_sid: None,
            account: None,
            name: "Main".to_owned(),
            status: NumberStatus::Active,
            primary: true,
            capabilities: Capabilities { voice: true, sms: false, mms: false },
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing { hours: None, during, after: Vec::new() },
        };
        let queue = Queue {
            name: "Sales".to_owned(),
            members: vec![QueueMember { user: UserId::known(USER), priority: 0 }],
            max_waiting: 2,
            max_wait_s: 300,
            announce_every_s: 30,
            music_url: None,
        };
        let hours = BusinessHours {
            name: "Office".to_owned(),
            time_zone: None,
            weekly: Vec::new(),
            exceptions: Vec::new(),
        };
        let (status, settings) = (TenantStatus::Active, TenantSettings::default());
        Self { status, settings, number, hours, queue }
    }

    /// The same during hours, which are now, or never; something else after them.
    pub(crate) fn by_hours(self, is_open: bool, after: Vec<Destination>) -> Self {
        let day = |weekday| WeeklySpan { weekday, from: "00:00".to_owned(), to: "24:00".to_owned() };
        let weekly = if is_open { (1..=7).map(day).collect() } else { Vec::new() };
        let routing = Routing { hours: Some(HoursId::known(HOURS)), after, ..self.number.routing.clone() };
        Self {
            hours: BusinessHours { weekly, ..self.hours },
            number: Number { routing, ..self.number },
            ..self
        }
    }

    pub(crate) async fn start(self) -> Harness {
        self.start_with(|_| {}).await
    }

    pub(crate) async fn start_with(self, change: impl FnOnce(&mut ControlPlaneSettings)) -> Harness {
        let folder = Folder::new();
        let mut settings = settings(&folder).await;
        change(&mut settings);
        std::fs::create_dir_all(&folder.0).unwrap();
        let store = open_store(&folder).await;
        self.write(&*store).await;
        store.close().await;
        let opened = ControlPlane::open(settings).await.unwrap();
        Harness {
            router: opened.control_plane.router(),
            plane: opened.control_plane,
            key: opened.first_key.unwrap().reveal().to_owned(),
            folder,
        }
    }

    async fn write(self, store: &dyn Store) {
        let id = TenantId::known("ten_1");
        let mut tx = store.platform().begin(&Actor::system("test"), 1).await.unwrap();
        let tenant = Tenant {
            name: "A tenant".to_owned(),
            slug: "ten_1".to_owned(),
            status: self.status,
            settings: self.settings,
        };
        tx.insert_as(id.clone(), tenant).await.unwrap();
        let user = User {
            email: "operator@example.test".to_owned(),
            name: "Operator".to_owned(),
            password_hash: None,
            totp: None,
            openid_subject: None,
            platform_admin: false,
            status: UserStatus::Active,
            failed_sign_ins: 0,
            locked_until: None,
            proofs: Proofs::default(),
        };
        tx.insert_as(UserId::known(USER), user).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.tenant(&id).begin(&Actor::system("test"), 2).await.unwrap();
        tx.insert(Membership { user: UserId::known(USER), role: Role::Operator, invitation: None })
            .await
            .unwrap();
        tx.insert_as(QueueId::known(QUEUE), self.queue).await.unwrap();
        tx.insert_as(HoursId::known(HOURS), self.hours).await.unwrap();
        tx.insert_as(NumberId::known(NUMBER), self.number).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Ends the control plane and gives what it has stored. The folder goes with it.
pub(crate) async fn stored(harness: Harness) -> (Arc<dyn Store>, Folder) {
    let Harness { plane, router, folder, .. } = harness;
    drop(router);
    plane.close().await.unwrap();
    (open_store(&folder).await, folder)
}
