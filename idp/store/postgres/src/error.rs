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
#[error("PostgreSQL error {code}: {text}")]
pub(crate) struct PostgresFault {
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

/// SQLSTATE classes: 22 data exception, 23 integrity constraint violation.
fn database_error(table: &'static str, error: &dyn DatabaseError) -> StoreError {
    let code = error.code().unwrap_or_default().into_owned();
    match code.get(..2) {
        // Their messages may quote the value.
        Some("22" | "23") => inconsistent(table, &format!("a value outside its bounds ({code})")),
        _ => StoreError::Unavailable(Box::new(PostgresFault {
            code,
            text: error.message().to_owned(),
        })),
    }
}

/// Whether the database says that it undid the transaction for the sake of another one: a
/// serialisation failure or a deadlock.
pub(crate) fn was_rolled_back(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable(source) => source
            .downcast_ref::<PostgresFault>()
            .is_some_and(|fault| matches!(fault.code.as_str(), "40001" | "40P01")),
        StoreError::Inconsistent { .. } | StoreError::Refused(_) => false,
    }
}

/// A row that this build did not write.
pub(crate) fn inconsistent(table: &'static str, detail: &str) -> StoreError {
    StoreError::Inconsistent {
        table,
        detail: detail.to_owned(),
    }
}
