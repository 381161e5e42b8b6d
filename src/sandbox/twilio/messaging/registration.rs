//! Registrations: brands and campaigns (A2P 10DLC), and toll-free verifications. They are reviewed by the control API, which sets a
//! status and further members such as reasons of a rejection.
//!
//! The three resources differ in their fields only, so that the path decides which one a request is about.

use axum::{
    Json,
    extract::{OriginalUri, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::unenforced;
use crate::sandbox::{
    Shared, ambient,
    state::{
        ProviderState,
        messaging::{Registration, RegistrationKind as Kind},
    },
    stock,
    twilio::{
        Account, Fields, TwilioError, iso_date,
        page::{self, MESSAGING_HOST},
    },
};

/// Type of a field, with the least and the greatest length of its text.
#[derive(Clone, Copy)]
enum Check {
    Text(usize, usize),
    /// From so many to so many texts, each of this length.
    List(usize, usize, usize, usize),
    Flag,
}

/// Fields: name in the form, name in JSON, whether it is required, type.
type Table = &'static [(&'static str, &'static str, bool, Check)];

const ANY: Check = Check::Text(0, 4096);
const ANY_LIST: Check = Check::List(0, 20, 0, 2048);

const BRAND: Table = &[
    ("CustomerProfileBundleSid", "customer_profile_bundle_sid", true, ANY),
    ("A2PProfileBundleSid", "a2p_profile_bundle_sid", true, ANY),
    ("BrandType", "brand_type", false, ANY),
    ("Mock", "mock", false, Check::Flag),
    ("SkipAutomaticSecVet", "skip_automatic_sec_vet", false, Check::Flag),
];

const CAMPAIGN: Table = &[
    ("BrandRegistrationSid", "brand_registration_sid", true, ANY),
    ("Description", "description", true, Check::Text(40, 4096)),
    ("MessageFlow", "message_flow", true, Check::Text(40, 2048)),
    ("MessageSamples", "message_samples", true, Check::List(2, 5, 20, 1024)),
    ("UsAppToPersonUsecase", "us_app_to_person_usecase", true, ANY),
    ("HasEmbeddedLinks", "has_embedded_links", true, Check::Flag),
    ("HasEmbeddedPhone", "has_embedded_phone", true, Check::Flag),
    ("OptInMessage", "opt_in_message", false, ANY),
    ("OptOutMessage", "opt_out_message", false, ANY),
    ("HelpMessage", "help_message", false, ANY),
    ("OptInKeywords", "opt_in_keywords", false, ANY_LIST),
    ("OptOutKeywords", "opt_out_keywords", false, ANY_LIST),
    ("HelpKeywords", "help_keywords", false, ANY_LIST),
    ("SubscriberOptIn", "subscriber_opt_in", false, Check::Flag),
    ("AgeGated", "age_gated", false, Check::Flag),
    ("DirectLending", "direct_lending", false, Check::Flag),
    ("PrivacyPolicyUrl", "privacy_policy_url", false, ANY),
    ("TermsAndConditionsUrl", "terms_and_conditions_url", false, ANY),
];

const TOLLFREE: Table = &[
    ("BusinessName", "business_name", true, ANY),
    ("BusinessWebsite", "business_website", true, ANY),
    ("NotificationEmail", "notification_email", true, ANY),
    ("UseCaseCategories", "use_case_categories", true, ANY_LIST),
    ("UseCaseSummary", "use_case_summary", true, ANY),
    ("ProductionMessageSample", "production_message_sample", true, ANY),
    ("OptInImageUrls", "opt_in_image_urls", true, ANY_LIST),
    ("OptInType", "opt_in_type", true, ANY),
    ("MessageVolume", "message_volume", true, ANY),
    ("TollfreePhoneNumberSid", "tollfree_phone_number_sid", true, ANY),
    ("CustomerProfileSid", "customer_profile_sid", false, ANY),
    ("BusinessStreetAddress", "business_street_address", false, ANY),
    ("BusinessStreetAddress2", "business_street_address2", false, ANY),
    ("BusinessCity", "business_city", false, ANY),
    ("BusinessStateProvinceRegion", "business_state_province_region", false, ANY),
    ("BusinessPostalCode", "business_postal_code", false, ANY),
    ("BusinessCountry", "business_country", false, ANY),
    ("AdditionalInformation", "additional_information", false, ANY),
    ("BusinessContactFirstName", "business_contact_first_name", false, ANY),
    ("BusinessContactLastName", "business_contact_last_name", false, ANY),
    ("BusinessContactEmail", "business_contact_email", false, ANY),
    ("BusinessContactPhone", "business_contact_phone", false, ANY),
    ("ExternalReferenceId", "external_reference_id", false, ANY),
    ("BusinessRegistrationNumber", "business_registration_number", false, ANY),
    ("BusinessRegistrationAuthority", "business_registration_authority", false, ANY),
    ("BusinessRegistrationCountry", "business_registration_country", false, ANY),
    ("BusinessType", "business_type", false, ANY),
    ("BusinessRegistrationPhoneNumber", "business_registration_phone_number", false, ANY),
    ("DoingBusinessAs", "doing_business_as", false, ANY),
    ("OptInConfirmationMessage", "opt_in_confirmation_message", false, ANY),
    ("HelpMessageSample", "help_message_sample", false, ANY),
    ("PrivacyPolicyUrl", "privacy_policy_url", false, ANY),
    ("TermsAndConditionsUrl", "terms_and_conditions_url", false, ANY),
    ("AgeGatedContent", "age_gated_content", false, Check::Flag),
    ("OptInKeywords", "opt_in_keywords", false, ANY_LIST),
    ("VettingProvider", "vetting_provider", false, ANY),
    ("VettingId", "vetting_id", false, ANY),
];

/// Differences between the three resources.
struct Resource {
    kind: Kind,
    table: Table,
    /// Prefix of its SIDs.
    prefix: &'static str,
    /// Member of a list's records.
    key: &'static str,
    status_member: &'static str,
    /// Statuses; the first is that of a new registration.
    statuses: &'static [&'static str],
    /// Status in which it can be edited.
    rejected: &'static str,
    /// Members that only reviews set, null until then, with the values of lists.
    reviewed: &'static [&'static str],
}

const RESOURCES: [Resource; 3] = [
    Resource {
        kind: Kind::Brand,
        table: BRAND,
        prefix: "BN",
        key: "data",
        status_member: "status",
        statuses: &["PENDING", "IN_REVIEW", "APPROVED", "FAILED", "SUSPENDED"],
        rejected: "FAILED",
        reviewed: &["tcr_id", "failure_reason", "errors", "brand_score", "brand_feedback", "identity_status"],
    },
    Resource {
        kind: Kind::Campaign,
        table: CAMPAIGN,
        prefix: "QE",
        key: "compliance",
        status_member: "campaign_status",
        statuses: &["PENDING", "IN_PROGRESS", "VERIFIED", "FAILED", "SUSPENDED"],
        rejected: "FAILED",
        reviewed: &["campaign_id", "rate_limits", "errors"],
    },
    Resource {
        kind: Kind::TollfreeVerification,
        table: TOLLFREE,
        prefix: "HH",
        key: "verifications",
        status_member: "status",
        statuses: &["PENDING_REVIEW", "IN_REVIEW", "TWILIO_APPROVED", "TWILIO_REJECTED"],
        rejected: "TWILIO_REJECTED",
        reviewed: &["rejection_reason", "error_code", "rejection_reasons", "edit_allowed", "edit_expiration"],
    },
];

fn resource(kind: Kind) -> &'static Resource {
    let [brand, campaign, tollfree] = &RESOURCES;
    match kind {
        Kind::Brand => brand,
        Kind::Campaign => campaign,
        Kind::TollfreeVerification => tollfree,
    }
}

/// A path of the three resources.
struct Address<'a> {
    account: &'a str,
    resource: &'static Resource,
    /// Messaging Service of a campaign.
    service_sid: Option<&'a str>,
    sid: &'a str,
}

impl<'a> Address<'a> {
    fn parse(account: &'a str, path: &'a str) -> Self {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (kind, service_sid, sid) = match parts.as_slice() {
            [_, "Services", service, "Compliance", "Usa2p", rest @ ..] => {
                (Kind::Campaign, Some(*service), rest.first())
            }
            [_, "a2p", _, rest @ ..] => (Kind::Brand, None, rest.first()),
            [_, _, _, rest @ ..] => (Kind::TollfreeVerification, None, rest.first()),
            _ => (Kind::TollfreeVerification, None, None),
        };
        Self { account, resource: resource(kind), service_sid, sid: sid.copied().unwrap_or_default() }
    }

    fn fits(&self, registration: &Registration) -> bool {
        registration.account == self.account
            && registration.kind == self.resource.kind
            && self.service_sid.is_none_or(|service| registration.subject_sid == service)
    }

    fn find_mut<'s>(&self, state: &'s mut ProviderState) -> Option<&'s mut Registration> {
        let mut all = state.messaging.registrations.iter_mut();
        all.find(|registration| self.fits(registration) && registration.sid == self.sid)
    }
}

/// Returns the fields of a request. On creation all required ones must be there.
fn read(fields: &Fields, table: Table, is_new: bool) -> Result<Map<String, Value>, TwilioError> {
    let mut members = Map::new();
    for (form, member, is_required, check) in table {
        if fields.filled(form).is_none() {
            if is_new && *is_required {
                return Err(TwilioError::bad_request(20001, format!("{form} is required")));
            }
            continue;
        }
        let fits = |text: &str, least: usize, most: usize| (least..=most).contains(&text.chars().count());
        let value = match *check {
            Check::Flag => json!(fields.flag(form)?),
            Check::Text(least, most) => {
                let text = fields.filled(form).unwrap_or_default();
                if fits(text, least, most) { json!(text) } else { Value::Null }
            }
            Check::List(fewest, largest, least, most) => {
                let texts: Vec<&str> = fields.all(form).collect();
                let is_valid = (fewest..=largest).contains(&texts.len())
                    && texts.iter().all(|text| fits(text, least, most));
                if is_valid { json!(texts) } else { Value::Null }
            }
        };
        if value.is_null() {
            return Err(TwilioError::bad_request(20001, format!("{form} has an invalid length")));
        }
        members.insert((*member).to_owned(), value);
    }
    Ok(members)
}

fn to_json(registration: &Registration) -> Value {
    let resource = resource(registration.kind);
    let path = match registration.kind {
        Kind::Brand => "a2p/BrandRegistrations".to_owned(),
        Kind::Campaign => format!("Services/{}/Compliance/Usa2p", registration.subject_sid),
        Kind::TollfreeVerification => "Tollfree/Verifications".to_owned(),
    };
    let mut members = Map::new();
    for (_, member, _, _) in resource.table {
        members.insert((*member).to_owned(), Value::Null);
    }
    for member in resource.reviewed {
        members.insert((*member).to_owned(), if *member == "errors" { json!([]) } else { Value::Null });
    }
    for (name, value) in [
        ("sid", json!(registration.sid)),
        ("account_sid", json!(registration.account)),
        (resource.status_member, json!(registration.status)),
        ("date_created", json!(iso_date(registration.created))),
        ("date_updated", json!(iso_date(registration.updated))),
        ("url", json!(format!("{MESSAGING_HOST}/v1/{path}/{}", registration.sid))),
    ] {
        members.insert(name.to_owned(), value);
    }
    if registration.kind == Kind::Campaign {
        members.insert("messaging_service_sid".to_owned(), json!(registration.subject_sid));
        members.insert("is_externally_registered".to_owned(), json!(false));
        members.insert("mock".to_owned(), json!(false));
    }
    members.extend(registration.members.clone());
    Value::Object(members)
}

/// Returns what a new registration is about, after a check that it exists and needs this registration.
fn subject(
    state: &ProviderState,
    address: &Address<'_>,
    members: &Map<String, Value>,
    path: &str,
) -> Result<String, TwilioError> {
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    match address.resource.kind {
        Kind::Brand => Ok(String::new()),
        Kind::Campaign => {
            let wanted = address.service_sid.unwrap_or_default();
            if !state
                .messaging
                .services
                .iter()
                .any(|service| service.sid == wanted && service.account == address.account)
            {
                return Err(TwilioError::not_found(path));
            }
            if state.messaging.registrations.iter().any(|known| address.fits(known)) {
                return Err(TwilioError::bad_request(20001, "The Messaging Service already has a campaign"));
            }
            let brand = text("brand_registration_sid");
            let is_approved = state.messaging.registrations.iter().any(|known| {
                known.account == address.account
                    && known.kind == Kind::Brand
                    && known.sid == brand
                    && known.status == "APPROVED"
            });
            if !is_approved {
                return Err(TwilioError::bad_request(20001, "BrandRegistrationSid is not an approved brand"));
            }
            Ok(wanted.to_owned())
        }
        Kind::TollfreeVerification => {
            let number = state.number_by_sid(address.account, text("tollfree_phone_number_sid"));
            match number.filter(|number| number.kind == stock::Kind::TollFree) {
                Some(number) => Ok(number.sid.clone()),
                None => Err(TwilioError::bad_request(
                    20001,
                    "TollfreePhoneNumberSid is not a toll-free number of this account",
                )),
            }
        }
    }
}

/// `POST` on the collection: submits a registration.
pub(crate) async fn create(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let address = Address::parse(&account, uri.path());
    let created = sandbox.store.change(|state| {
        let members = read(&fields, address.resource.table, true)?;
        let subject_sid = subject(state, &address, &members, uri.path())?;
        let now = state.now();
        let registration = Registration {
            serial: state.serial(),
            sid: ambient::sid(address.resource.prefix),
            account: account.clone(),
            kind: address.resource.kind,
            subject_sid,
            status: address.resource.statuses.first().copied().unwrap_or_default().to_owned(),
            members,
            created: now,
            updated: now,
        };
        state.messaging.registrations.push(registration.clone());
        Ok::<Value, TwilioError>(to_json(&registration))
    })??;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET` on the collection: newest first.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let address = Address::parse(&account, uri.path());
    let state = sandbox.store.read();
    let number = fields.filled("TollfreePhoneNumberSid");
    let status = fields.filled("Status");
    let unsubmitted = match (address.resource.kind, address.service_sid) {
        (Kind::Campaign, Some(service)) => {
            unenforced::campaign(&state, &account, service).into_iter().collect()
        }
        (Kind::TollfreeVerification, _) => unenforced::verifications(&state, &account),
        _ => Vec::new(),
    };
    let mut records: Vec<&Registration> = state.messaging.registrations.iter().chain(&unsubmitted).collect();
    records.sort_by_key(|known| std::cmp::Reverse(known.serial));
    let records = records.into_iter().filter(|known| {
        address.fits(known)
            && number.is_none_or(|number| known.subject_sid == number)
            && status.is_none_or(|status| known.status == status)
    });
    let records = records.map(|known| (known.serial, to_json(known)));
    page::messaging_page(address.resource.key, uri.path(), &fields, records).map(Json)
}

/// `GET` on one registration.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let mut state = sandbox.store.read();
    let registration = Address::parse(&account, uri.path()).find_mut(&mut state);
    registration
        .map(|registration| Json(to_json(registration)))
        .ok_or_else(|| TwilioError::not_found(uri.path()))
}

/// `POST` on one registration: submits a rejected one again.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let address = Address::parse(&account, uri.path());
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let resource = address.resource;
        let registration = address.find_mut(state).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        let is_editable = registration.members.get("edit_allowed") != Some(&Value::Bool(false));
        if registration.status != resource.rejected || !is_editable {
            let code = match resource.kind {
                Kind::Brand => 21725,
                Kind::Campaign => 20001,
                Kind::TollfreeVerification => 30437,
            };
            let message = format!("Only a registration with status {} can be edited", resource.rejected);
            return Err(TwilioError::bad_request(code, message));
        }
        registration.members.extend(read(&fields, resource.table, false)?);
        registration.members.retain(|name, _| !resource.reviewed.contains(&name.as_str()));
        resource.statuses.first().copied().unwrap_or_default().clone_into(&mut registration.status);
        registration.updated = now;
        Ok(to_json(registration))
    })??;
    let status = if address.resource.kind == Kind::Campaign { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(updated)))
}

/// `DELETE` on one registration.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let address = Address::parse(&account, uri.path());
    sandbox.store.change(|state| {
        address.find_mut(state).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        state.messaging.registrations.retain(|known| known.sid != address.sid);
        Ok(StatusCode::NO_CONTENT)
    })?
}

/// `GET /v1/Services/{MG}/Compliance/Usa2p/Usecases`: use cases of a campaign.
pub(crate) async fn use_cases() -> Json<Value> {
    let codes = [
        ("2FA", "Two-Factor authentication (2FA)"),
        ("ACCOUNT_NOTIFICATION", "Account Notification"),
        ("CUSTOMER_CARE", "Customer Care"),
        ("DELIVERY_NOTIFICATION", "Delivery Notification"),
        ("LOW_VOLUME", "Low Volume Mixed"),
        ("MARKETING", "Marketing"),
        ("MIXED", "Mixed"),
    ];
    let all = codes.map(|(code, name)| json!({"code": code, "name": name, "description": name}));
    Json(json!({ "us_app_to_person_usecases": all }))
}

/// A review of the control API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    sid: String,
    status: String,
    /// Members to set beside the status, such as `rejection_reason` or `errors`.
    #[serde(default)]
    members: Map<String, Value>,
}

/// Applies a review. Returns the resource.
///
/// # Errors
/// Why the review does not fit.
pub(crate) fn review(state: &mut ProviderState, review: Review) -> Result<Value, String> {
    let now = state.now();
    let mut all = state.messaging.registrations.iter_mut();
    let registration = all.find(|known| known.sid == review.sid).ok_or("there is no such registration")?;
    let resource = resource(registration.kind);
    if !resource.statuses.contains(&review.status.as_str()) {
        return Err(format!("status must be one of {}", resource.statuses.join(", ")));
    }
    let unknown = review.members.keys().find(|name| !resource.reviewed.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(format!("{name} is none of {}", resource.reviewed.join(", ")));
    }
    registration.status = review.status;
    registration.members.extend(review.members);
    registration.updated = now;
    Ok(to_json(registration))
}
