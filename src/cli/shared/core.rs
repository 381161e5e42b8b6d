//! The parts that commands without a server work with. Their configuration is that of `serve`, or of this folder's `dev`, which
//! may run at the same time.

use super::failure::Failure;
use super::folder::{self, Remembered};
use crate::app::Core;
use crate::cli::dev;
use crate::config::{Config, Environment, Origin, Profile};
use crate::domain::{Clock, Entropy};
use crate::telemetry;

/// Which configuration applies in a folder.
pub(in crate::cli) enum Source {
    /// The configuration of `serve`.
    Serve,
    /// The configuration of the folder's `dev`.
    Dev(Remembered),
}

impl Source {
    /// Selects the folder's `dev` if it exists and `DATABASE_URL` is not set.
    pub(in crate::cli) fn choose(environment: &Environment) -> Result<Self, Failure> {
        match folder::read()? {
            Some(remembered) if environment.get("DATABASE_URL").is_none() => Ok(Self::Dev(remembered)),
            _ => Ok(Self::Serve),
        }
    }

    pub(in crate::cli) fn profile(&self) -> Profile {
        match self {
            Self::Serve => Profile::Serve,
            Self::Dev(_) => Profile::Dev,
        }
    }

    /// The value of a variable, and its origin.
    pub(in crate::cli) fn find(&self, name: &str, environment: &Environment) -> Option<(String, Origin)> {
        match self {
            Self::Serve => environment.find(name),
            Self::Dev(remembered) => dev::find(name, remembered, environment),
        }
    }

    pub(in crate::cli) fn config(&self, environment: &Environment) -> Result<Config, Failure> {
        let lookup = |name: &str| self.find(name, environment).map(|(value, _)| value);
        Ok(match self.profile() {
            Profile::Serve => Config::from_vars(lookup)?,
            Profile::Dev => Config::for_this_machine(lookup)?,
        })
    }
}

/// Opens the parts. Only warnings and errors are logged, unless `RUST_LOG` is set.
pub(in crate::cli) async fn open(environment: &Environment) -> Result<(Core, Config), Failure> {
    let config = Source::choose(environment)?.config(environment)?;
    // Lines of level `info` would drown the result that the command prints.
    let filter = environment.get("RUST_LOG").unwrap_or_else(|| "warn".to_owned());
    // Without traces: a command does not wait until its last spans are exported.
    telemetry::start(config.log.json, &filter, None);
    let core = Core::build(&config, &Clock::system(), &Entropy::system()).await;
    Ok((core.map_err(|error| Failure::from_error(&error))?, config))
}
