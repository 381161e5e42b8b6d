//! Where files of messages are kept: a folder, or a bucket of an S3-compatible store.
//!
//! A file's key follows from its id alone. After a crash the same file is therefore written to the same place, and nothing is
//! left over that no row knows.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::MediaFile;
use crate::store::create_private_folder;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Limits one request to a bucket.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Limits all attempts of one request, below the lease of a file.
const TIME_FOR_ATTEMPTS: Duration = Duration::from_secs(30);

/// Where files are kept. Both are object_store's own implementations.
#[derive(Debug, Clone)]
pub enum MediaPlace {
    /// A folder, which servers must share if there are several.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// Its name.
        name: String,
        /// What every key begins with; may be empty.
        prefix: String,
        /// Settings by the names that AWS gives their variables, such as `AWS_REGION`.
        settings: Vec<(&'static str, SecretString)>,
    },
}

/// The place cannot be used, or a request to it failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder cannot be made.
    #[error("{}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The store's own error.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Keeps files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// A stored file, to be read once.
pub struct StoredMedia {
    /// Its size in bytes.
    pub size: u64,
    /// Its content, piece by piece.
    pub content: BoxStream<'static, io::Result<Vec<u8>>>,
}

impl MediaStorage {
    /// Opens the place. A folder is made if it is missing; a bucket is not contacted.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open(place: MediaPlace) -> Result<Self, StorageError> {
        match place {
            MediaPlace::Folder(folder) => {
                let made = create_private_folder(&folder);
                made.map_err(|error| StorageError::Folder { folder: folder.clone(), error })?;
                // Flushed to disk before it counts as stored: the carrier's copy may be deleted then.
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                Ok(Self { store: Arc::new(store), prefix: Path::default() })
            }
            MediaPlace::Bucket { name, prefix, settings } => {
                let retry = RetryConfig {
                    backoff: BackoffConfig::default(),
                    max_retries: 2,
                    retry_timeout: TIME_FOR_ATTEMPTS,
                };
                let client = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout(TIMEOUT);
                let mut bucket = AmazonS3Builder::new()
                    .with_bucket_name(name)
                    // Not every S3-compatible store has it, and files are deleted one by one.
                    .with_disable_bulk_delete(true)
                    .with_retry(retry)
                    .with_client_options(client);
                for (name, value) in settings {
                    let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse()?;
                    // The configuration admits plain http on this machine alone.
                    let is_http = value.expose_secret().starts_with("http://");
                    bucket = bucket.with_config(key, value.expose_secret());
                    bucket = if is_http { bucket.with_allow_http(true) } else { bucket };
                }
                Ok(Self { store: Arc::new(bucket.build()?), prefix: Path::from(prefix) })
            }
        }
    }

    /// Stores a file. One that is there already is replaced.
    ///
    /// # Errors
    /// [`StorageError`]: it may be stored all the same, and is replaced by the next attempt.
    pub async fn put(&self, file: &MediaFile, content: Vec<u8>) -> Result<(), StorageError> {
        self.store.put(&self.key(file), content.into()).await?;
        Ok(())
    }

    /// Opens a file; `None` if it is not there.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn get(&self, file: &MediaFile) -> Result<Option<StoredMedia>, StorageError> {
        match self.store.get(&self.key(file)).await {
            Ok(found) => {
                let size = found.meta.size;
                let content = found.into_stream().map_ok(|piece| piece.to_vec()).map_err(io::Error::other);
                Ok(Some(StoredMedia { size, content: content.boxed() }))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a file. One that is not there is deleted.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn delete(&self, file: &MediaFile) -> Result<(), StorageError> {
        match self.store.delete(&self.key(file)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// By tenant, so that an operator finds what belongs to one.
    fn key(&self, file: &MediaFile) -> Path {
        let mut key = self.prefix.clone();
        for part in [file.tenant_id.0.to_string(), file.id.to_string()] {
            key = key.join(part);
        }
        key
    }
}
