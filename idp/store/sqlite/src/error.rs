//! From database errors to the answers of the store. No message quotes a value of a row.

use realmwright_store::{Refusal, StoreError};
use sqlx::error::{DatabaseError, ErrorKind};

/// Why a change did not happen.
#[derive(Debug)]
pub(crate) enum Halt {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// An error of the database itself, reduced to what says nothing about people.
#[derive(Debug, thiserror::Error)]
#[error("SQLite error {code}: {text}")]
pub(crate) struct SqliteFault {
    code: String,
    text: String,
}

/// Names the table that a statement was about.
pub(crate) trait OnTable<T> {
    /// For reads and maintenance.
    fn reading(self, table: &'static str) -> Result<T, StoreError>;
    /// For changes: a taken id or a missing parent row refuses them.
    fn changing(self, table: &'static str) -> Result<T, Halt>;
}

impl<T> OnTable<T> for Result<T, sqlx::Error> {
    fn reading(self, table: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| store_error(table, error))
    }

    fn changing(self, table: &'static str) -> Result<T, Halt> {
        self.map_err(
            |error| match error.as_database_error().map(DatabaseError::kind) {
                Some(ErrorKind::UniqueViolation) => Refusal::Conflict(None).into(),
                Some(ErrorKind::ForeignKeyViolation) => Refusal::Unknown.into(),
                _ => store_error(table, error).into(),
            },
        )
    }
}

fn store_error(table: &'static str, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { index, .. } => inconsistent(table, &format!("column {index}")),
        sqlx::Error::ColumnNotFound(column) => inconsistent(table, &format!("no column {column}")),
        sqlx::Error::Decode(_) => inconsistent(table, "a value of another type"),
        sqlx::Error::Encode(_) => inconsistent(table, "a value that cannot be written"),
        sqlx::Error::Database(error) => database_error(table, error.as_ref()),
        other => StoreError::Unavailable(Box::new(other)),
    }
}

fn database_error(table: &'static str, error: &dyn DatabaseError) -> StoreError {
    match error.kind() {
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
            inconsistent(table, "a value outside its bounds")
        }
        _ => {
            let code = error.code().unwrap_or_default().into_owned();
            match code.as_str() {
                // SQLITE_CORRUPT, SQLITE_NOTADB and their extended codes.
                "11" | "267" | "523" | "779" | "26" => {
                    StoreError::Refused("the file is no SQLite database, or is damaged".to_owned())
                }
                _ => StoreError::Unavailable(Box::new(SqliteFault {
                    code,
                    text: error.message().to_owned(),
                })),
            }
        }
    }
}

/// A row that this build did not write.
pub(crate) fn inconsistent(table: &'static str, detail: &str) -> StoreError {
    StoreError::Inconsistent {
        table,
        detail: detail.to_owned(),
    }
}
