//! Where files of messages are kept.

use std::path::PathBuf;

use secrecy::SecretString;

use super::values::Values;
use super::{Mistake, Section, VARIABLES, table};

/// The value of `MEDIA_STORE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaStore {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store.
    Bucket {
        /// Its name.
        name: String,
        /// What every key begins with; may be empty.
        prefix: String,
    },
}

/// What is done with files of incoming messages.
#[derive(Debug, Clone)]
pub struct Media {
    /// Where they are kept; `None`: in the folder `media` of `STATE_DIR`.
    pub store: Option<MediaStore>,
    /// The variables of AWS that are set, with their values.
    pub aws: Vec<(&'static str, SecretString)>,
    /// Whether they are deleted at Twilio once they are stored.
    pub delete_at_carrier: bool,
}

impl Media {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        let store = values.optional(&table::MEDIA_STORE)?;
        let is_bucket = matches!(store, Some(MediaStore::Bucket { .. }));
        let set = VARIABLES
            .iter()
            .filter(|variable| variable.section == Section::MediaStore)
            .filter_map(|variable| Some((variable.name, SecretString::from(values.text(variable.name)?))));
        Ok(Self {
            store,
            aws: if is_bucket { set.collect() } else { Vec::new() },
            delete_at_carrier: values.get(&table::DELETE_MEDIA_AT_CARRIER)?,
        })
    }
}
