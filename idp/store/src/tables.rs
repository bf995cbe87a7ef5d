//! Every table, and what becomes of its rows when a person is erased or asks for their data.
//!
//! The contract suite compares this list with the schema of each database, so that a table that
//! holds a person cannot be added without a rule.

/// What erasing a person does to the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Rows about the person go.
    Deleted,
    /// Rows stay under the pseudonym, with all their fields emptied.
    Emptied,
    /// No row is about a person.
    NotPersonal,
}

/// What a subject access request shows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Its rows, without secrets, under the name of the table.
    Rows,
    /// Nothing, for this reason.
    Withheld(&'static str),
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name in both databases.
    pub name: &'static str,
    /// Rule for erasure.
    pub erasure: Erasure,
    /// Rule for export.
    pub export: Export,
}

const fn table(name: &'static str, erasure: Erasure, export: Export) -> Table {
    Table {
        name,
        erasure,
        export,
    }
}

const NOT_PERSONAL: Export = Export::Withheld("holds nothing about a person");

/// All tables, by name.
pub const TABLES: &[Table] = &[
    table(
        "access_tokens",
        Erasure::Deleted,
        Export::Withheld("short-lived copy of attributes that are shown"),
    ),
    table(
        "attempts",
        Erasure::Deleted,
        Export::Withheld("short-lived counters under a pseudonym"),
    ),
    table("attributes", Erasure::Deleted, Export::Rows),
    table("authentications", Erasure::Deleted, Export::Rows),
    table(
        "codes",
        Erasure::Deleted,
        Export::Withheld("secret, and gone within minutes"),
    ),
    table("consents", Erasure::Deleted, Export::Rows),
    table("credentials", Erasure::Deleted, Export::Rows),
    table("denials", Erasure::Deleted, Export::Rows),
    table("events", Erasure::Emptied, Export::Rows),
    table("grants", Erasure::Deleted, Export::Rows),
    table(
        "logins",
        Erasure::Deleted,
        Export::Withheld("state of a login under way, gone within the hour"),
    ),
    table(
        "lookup",
        Erasure::Deleted,
        Export::Withheld("normal forms of attributes that are shown"),
    ),
    table("meta", Erasure::NotPersonal, NOT_PERSONAL),
    table(
        "outbox",
        Erasure::Deleted,
        Export::Withheld("events and messages on their way; the events are shown"),
    ),
    table(
        "refresh_tokens",
        Erasure::Deleted,
        Export::Withheld("secret; their grants are shown"),
    ),
    table("revoked", Erasure::NotPersonal, NOT_PERSONAL),
    table("session_clients", Erasure::Deleted, Export::Rows),
    table("sessions", Erasure::Deleted, Export::Rows),
    table("subject_groups", Erasure::Deleted, Export::Rows),
    table("subject_roles", Erasure::Deleted, Export::Rows),
    table("subjects", Erasure::Deleted, Export::Rows),
    table("used_once", Erasure::NotPersonal, NOT_PERSONAL),
];
