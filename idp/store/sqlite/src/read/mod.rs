//! Reads, one file for each trait of the contract.

mod denials;
mod documents;
mod events;
mod grants;
mod logins;
mod sessions;
mod subjects;

use realmwright_store::{Page, Result};
use sqlx::sqlite::SqliteRow;

/// Rows a page may hold at most.
const MOST: u32 = 500;

/// How many rows to ask for: one more than the page holds, to see whether another follows.
fn probe(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MOST)) + 1
}

fn page<T>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
    let most = limit.clamp(1, MOST) as usize;
    let more = items.len() > most;
    items.truncate(most);
    let next = if more { items.last().map(key) } else { None };
    Page { items, next }
}

fn all<T>(rows: &[SqliteRow], read: impl Fn(&SqliteRow) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(read).collect()
}
