//! Use cases over SQLite.

mod fixture;
