//! What the accounts API reads.

use bytes::Bytes;
use futures::executor::block_on;
use futures::stream;
use realmwright_engine::accounts::{AccountChange, NewAccount};
use secrecy::SecretString;

use crate::sources::lines::{LineFault, Lines};

fn lines(pieces: Vec<Bytes>) -> Vec<Result<Bytes, LineFault>> {
    let mut lines = Lines::of(stream::iter(pieces.into_iter().map(Ok)));
    let mut all = Vec::new();
    while let Some(line) = block_on(lines.next()) {
        all.push(line);
    }
    all
}

/// A file of accounts: how it arrives in pieces changes nothing, and a password is never printed.
pub(crate) fn import(bytes: &[u8]) {
    let whole = lines(vec![Bytes::copy_from_slice(bytes)]);
    let size = 1 + usize::from(bytes.first().copied().unwrap_or_default());
    let pieces = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    assert_eq!(whole, lines(pieces), "pieces of {size}");
    for line in whole.into_iter().flatten() {
        let _ = serde_json::from_slice::<AccountChange>(&line);
        if let Ok(mut account) = serde_json::from_slice::<NewAccount>(&line) {
            let printed = format!("{account:?}");
            if let Some(password) = &mut account.password {
                for secret in [&mut password.value, &mut password.hash] {
                    if let Some(secret) = secret {
                        *secret = SecretString::from("another");
                    }
                }
            }
            assert_eq!(printed, format!("{account:?}"), "a password is printed");
        }
    }
}
