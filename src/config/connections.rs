//! What connections may take.

use std::num::NonZero;
use std::time::Duration;

use super::Reach;
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
    /// How long a server that is told to end goes on taking connections, while `/readyz` says that it leaves.
    pub drain_delay: Duration,
}

impl Connections {
    /// Behind a proxy all connections come from its address. No load balancer stands before a server on a developer's machine.
    pub(super) fn read(
        vars: &mut Reader<impl Fn(&str) -> Option<String>>,
        proxies: u8,
        reach: Reach,
    ) -> Self {
        let number = read::parsed::<NonZero<u32>>("a whole number, 1 or more");
        let most = vars.read("MAX_CONNECTIONS", "10000", number).map_or(10_000, |most| most.get() as usize);
        let usual = if proxies == 0 { most.div_ceil(4) } else { 0 };
        let number = read::parsed("a whole number, 0 or more");
        let of_address = vars.or("MAX_CONNECTIONS_PER_ADDRESS", usual, "2500", number);
        let seconds = Duration::from_secs;
        let idle = vars.or("IDLE_TIMEOUT", seconds(75), "75s", read::duration(seconds(1), seconds(3600)));
        let usual = if reach == Reach::Public { seconds(5) } else { Duration::ZERO };
        let drain_delay = vars.or("DRAIN_DELAY", usual, "5s", read::duration(seconds(0), seconds(60)));
        Self { most, most_of_address: Some(of_address).filter(|most| *most > 0), idle, drain_delay }
    }
}
