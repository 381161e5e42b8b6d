//! Numbers placed in an account by the control API, as if they had been there before anybody used this sandbox: bought by another
//! system, hosted, on a trunk, or with an obstacle to their release.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    super::{
        ambient,
        state::{
            Charge, Number, Obstacle, Origin, ProviderState,
            emergency::{Registration, RegistrationStatus},
        },
        stock::{self, Kind},
    },
    settings,
};

/// A number to place.
#[derive(Deserialize)]
pub(crate) struct Placement {
    /// E.164 form. Any number that no account owns, in stock or not.
    phone_number: String,
    /// Account. Default: the main account.
    #[serde(default)]
    account_sid: Option<String>,
    #[serde(default)]
    origin: Origin,
    /// Type. Default: that of the number in stock, else `local`.
    #[serde(default, rename = "type")]
    kind: Option<Kind>,
    /// Default: that of the number in stock, else `US`.
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    obstacle: Option<Obstacle>,
    /// Address that the number is registered with for emergency calls.
    #[serde(default)]
    emergency_address_sid: Option<String>,
    /// Settings by JSON name, such as `voice_url`, `trunk_sid` and `friendly_name`.
    #[serde(flatten)]
    settings: Map<String, Value>,
}

/// A change of a number.
#[derive(Deserialize)]
pub(crate) struct Change {
    /// `null` removes the obstacle.
    #[serde(default, deserialize_with = "present")]
    obstacle: Option<Option<Obstacle>>,
    #[serde(flatten)]
    settings: Map<String, Value>,
}

/// Reads a member that may be null. An absent one is `None`.
fn present<'de, D: serde::Deserializer<'de>>(member: D) -> Result<Option<Option<Obstacle>>, D::Error> {
    Option::<Obstacle>::deserialize(member).map(Some)
}

/// Returns settings with these applied. An empty text or null clears a setting.
fn apply(
    changes: &Map<String, Value>,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let pairs = changes.iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (name.as_str(), text)
    });
    settings::apply_members(pairs, settings)
}

/// Places numbers. Either all are placed or none.
///
/// # Errors
/// What is wrong with the first number that is.
pub(crate) fn place(
    state: &mut ProviderState,
    main: &str,
    orders: Vec<Placement>,
) -> Result<Vec<Number>, String> {
    let mut placed: Vec<Number> = Vec::with_capacity(orders.len());
    let mut known: std::collections::HashSet<String> =
        state.numbers.iter().map(|number| number.phone_number.clone()).collect();
    for order in orders {
        let number = read(state, main, order).and_then(|number| {
            let is_new = known.insert(number.phone_number.clone());
            if is_new { Ok(number) } else { Err(format!("{} is owned already", number.phone_number)) }
        })?;
        placed.push(number);
    }
    for number in &placed {
        state.charges.push(Charge::of(number));
    }
    state.numbers.extend(placed.iter().cloned());
    Ok(placed)
}

fn read(state: &mut ProviderState, main: &str, order: Placement) -> Result<Number, String> {
    let Placement { phone_number, .. } = order;
    if !stock::is_e164(&phone_number) {
        return Err(format!("phone_number {phone_number:?} is not in E.164 form"));
    }
    let account = order.account_sid.unwrap_or_else(|| main.to_owned());
    if state.account(&account).is_none() {
        return Err(format!("account_sid {account:?} is no account"));
    }
    let emergency = match order.emergency_address_sid {
        None => Registration::default(),
        Some(sid) if state.address(&account, &sid).is_none() => {
            return Err(format!("emergency_address_sid {sid:?} is no address of the account"));
        }
        Some(sid) => Registration {
            address_sid: Some(sid),
            status: RegistrationStatus::Registered,
            ..Registration::default()
        },
    };
    let settings =
        apply(&order.settings, &BTreeMap::new()).map_err(|error| format!("{phone_number}: {error}"))?;
    let (item, now) = (stock::find(&phone_number), state.now());
    Ok(Number {
        serial: state.serial(),
        sid: ambient::sid("PN"),
        account,
        kind: order.kind.or(item.map(|item| item.kind)).unwrap_or(Kind::Local),
        country: order.country.unwrap_or_else(|| item.map_or("US", |item| item.country).to_owned()),
        phone_number,
        settings,
        origin: order.origin,
        emergency,
        obstacle: order.obstacle,
        created: now,
        updated: now,
    })
}

/// Changes a number as somebody does in the carrier's console. Returns `None` if it does not exist.
///
/// # Errors
/// Why a setting is not valid.
pub(crate) fn change(state: &mut ProviderState, sid: &str, change: Change) -> Result<Option<Number>, String> {
    let (Change { obstacle, settings }, now) = (change, state.now());
    let Some(number) = state.numbers.iter_mut().find(|number| number.sid == sid) else { return Ok(None) };
    number.settings = apply(&settings, &number.settings)?;
    if let Some(obstacle) = obstacle {
        number.obstacle = obstacle;
    }
    number.updated = now;
    Ok(Some(number.clone()))
}
