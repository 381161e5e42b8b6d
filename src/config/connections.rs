//! What connections may take.

use std::num::NonZero;
use std::time::Duration;

use super::read::{self, Reader};

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// How many there are at the same time.
    pub most: usize,
    /// How many of them may come from one address.
    pub most_of_address: Option<usize>,
    /// How long one may be idle between two requests.
    pub idle: Duration,
}

impl Connections {
    /// Behind a proxy all connections come from its address.
    pub(super) fn read(vars: &mut Reader<impl Fn(&str) -> Option<String>>, proxies: u8) -> Self {
        let number = read::parsed::<NonZero<u32>>("a whole number, 1 or more");
        let most = vars.read("MAX_CONNECTIONS", "10000", number).map_or(10_000, |most| most.get() as usize);
        let usual = if proxies == 0 { most.div_ceil(4) } else { 0 };
        let number = read::parsed("a whole number, 0 or more");
        let of_address = vars.or("MAX_CONNECTIONS_PER_ADDRESS", usual, "2500", number);
        let seconds = Duration::from_secs;
        let idle = vars.or("IDLE_TIMEOUT", seconds(75), "75s", read::duration(seconds(1), seconds(3600)));
        Self { most, most_of_address: Some(of_address).filter(|most| *most > 0), idle }
    }
}
