//! Opens the parts that text messages need.

use super::retention::Retention;
use super::{AppError, Core};
use crate::config::Config;
use crate::domain::{Clock, Entropy};
use crate::messages::{Inbox, MessageAnswers, MessageSweep, SweepSettings};

/// The parts that text messages need. Messages wait for the database in a folder of `STATE_DIR`.
pub(super) fn open_messages(
    config: &Config,
    core: &Core,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<(Inbox, MessageSweep, MessageAnswers), AppError> {
    let system = core.database.system();
    let inbox = Inbox::open(system.clone(), config.state_dir.join("messages"), clock.clone())
        .map_err(|error| AppError::StateDir { folder: config.state_dir.clone(), error })?;
    let answers = MessageAnswers::new(
        system.clone(),
        core.provisioning.clone(),
        core.voice.clone(),
        &inbox,
        clock.clone(),
        entropy.clone(),
    );
    let settings = SweepSettings {
        redacts: config.records.redact_at_carrier,
        kept: Retention::kept(config.records.message_retention_days),
    };
    let sweep = MessageSweep::new(system, core.accounts.clone(), inbox.clone(), clock.clone(), settings);
    Ok((inbox, sweep, answers))
}
