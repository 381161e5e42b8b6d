//! Twilio's messaging API: messages and their media, applications, Messaging Services, and the registrations that American numbers
//! need.

mod applications;
mod media;
mod messages;
mod registration;
mod request;
mod services;
mod unenforced;

use axum::{Router, routing::get};

use super::super::Shared;

pub(crate) use media::is_file;
pub(crate) use registration::review;

/// Returns whether a path belongs to the messaging API's own host, or to the storage of media.
pub(super) fn is_path(path: &str) -> bool {
    ["/v1/Services", "/v1/a2p", "/v1/Tollfree", "/storage/"].iter().any(|start| path.starts_with(start))
}

/// Returns the routes below an account.
pub(super) fn account_routes() -> Router<Shared> {
    Router::new()
        .route("/Messages.json", get(messages::list).post(messages::send))
        .route("/Messages/{sid}", get(messages::fetch).post(messages::update).delete(messages::delete))
        .route("/Messages/{sid}/Feedback.json", axum::routing::post(messages::feedback))
        .route("/Messages/{sid}/Media.json", get(media::list))
        .route("/Messages/{sid}/Media/{media}", get(media::fetch).delete(media::delete))
        .route("/Applications.json", get(applications::list).post(applications::create))
        .route(
            "/Applications/{sid}",
            get(applications::fetch).post(applications::update).delete(applications::delete),
        )
}

/// Returns the routes of the messaging API's own host.
pub(super) fn routes() -> Router<Shared> {
    let service = "/v1/Services/{service}";
    let reviewed = || get(registration::list).post(registration::create);
    let one = || get(registration::fetch).post(registration::update);
    Router::new()
        .route("/v1/Services", get(services::list).post(services::create))
        .route(service, get(services::fetch).post(services::update).delete(services::delete))
        .route(&format!("{service}/PhoneNumbers"), get(services::numbers).post(services::add_number))
        .route(
            &format!("{service}/PhoneNumbers/{{number}}"),
            get(services::number).delete(services::remove_number),
        )
        .route(&format!("{service}/Compliance/Usa2p"), reviewed())
        .route(&format!("{service}/Compliance/Usa2p/{{sid}}"), one().delete(registration::delete))
        .route(&format!("{service}/Compliance/Usa2p/Usecases"), get(registration::use_cases))
        .route("/v1/a2p/BrandRegistrations", reviewed())
        .route("/v1/a2p/BrandRegistrations/{sid}", one())
        .route("/v1/Tollfree/Verifications", reviewed())
        .route("/v1/Tollfree/Verifications/{sid}", one().delete(registration::delete))
}

/// Returns the routes that need no credentials.
pub(super) fn storage_routes() -> Router<Shared> {
    Router::new().route("/storage/{message}/{media}/{key}", get(media::stored))
}
