//! Says whether a signature is believed, and does nothing else: `tandem doctor` signs as the carrier does and asks through the public
//! address.

use super::Webhook;
use axum::http::StatusCode;

/// Asked with a signature; without a good one the webhook is refused before it comes here.
pub(crate) async fn ping(_: Webhook) -> StatusCode {
    StatusCode::NO_CONTENT
}
