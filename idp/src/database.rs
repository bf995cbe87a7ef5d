//! Opening the database that the settings name.

use std::path::PathBuf;
use std::sync::Arc;

use realmwright_store::{Owner, Store, StoreError};
use realmwright_store_postgres::{PostgresSettings, PostgresStore};
use realmwright_store_sqlite::SqliteStore;

use crate::served::Outline;
use crate::settings::DatabaseSettings;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseFault {
    /// The file with its address.
    #[error("cannot read the database URL from {}", .0.display())]
    UrlFile(PathBuf, #[source] std::io::Error),
    /// Neither was named.
    #[error("no database is named; say --database-url-file or --sqlite")]
    None,
    /// The database itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Prepares connections. They are made when first needed, so a process starts while its database
/// is away, and says that it is not ready.
///
/// # Errors
/// [`DatabaseFault`].
pub async fn open(settings: &DatabaseSettings) -> Result<Arc<dyn Store>, DatabaseFault> {
    match settings {
        DatabaseSettings {
            database_url_file: Some(file),
            ..
        } => {
            let url = tokio::fs::read_to_string(file)
                .await
                .map_err(|fault| DatabaseFault::UrlFile(file.clone(), fault))?;
            let store = PostgresStore::connect(&PostgresSettings::new(url.trim()))?;
            Ok(Arc::new(store))
        }
        DatabaseSettings {
            sqlite: Some(file), ..
        } => Ok(Arc::new(SqliteStore::open(file).await?)),
        DatabaseSettings {
            database_url_file: None,
            sqlite: None,
        } => Err(DatabaseFault::None),
    }
}

/// Who owns a database that this realm is served from.
pub(crate) fn owner_of(outline: &Outline, own_database: OwnDatabase) -> Owner {
    Owner {
        region: outline.region.clone(),
        country: outline.country.clone(),
        instance: match own_database {
            OwnDatabase::OfInstance => Some(outline.instance.clone()),
            OwnDatabase::OfRegion => None,
        },
    }
}

/// Whether the instance shares the region's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnDatabase {
    /// It has its own.
    OfInstance,
    /// It shares the region's.
    OfRegion,
}
