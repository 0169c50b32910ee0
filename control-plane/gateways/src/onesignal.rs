//! OneSignal: push notifications to the devices of an app's users.
//!
//! Sources: the vendor's Python SDK 5.11 (`notification.py`, `create_notification_success_response.py`,
//! `rate_limit_error.py`).
//!
//! A creation carries an idempotency key made of our attempt's id ([`idempotency_key`]); OneSignal keeps it for 30 days and
//! gives the first result again. So an unknown outcome is resolved by asking again.

mod answer;
mod app;
mod key;
mod new;

pub use answer::{Created, Notification, Problems, Progress};
pub use app::{App, AppCredentials, OneSignalClient, OneSignalOptions};
pub use key::{IDEMPOTENCY_KEPT, idempotency_key};
pub use new::{Audience, NewNotification};
