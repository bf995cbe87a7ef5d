//! Password hashes that other systems wrote.

use realmwright_decision::password_hash::PasswordHash;
use realmwright_snapshot::PasswordHashing;

use crate::sources::password_check::{argon2id, verify};

const CHEAP: PasswordHashing = PasswordHashing {
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

/// Texts whose check costs next to nothing: the others would only slow the search.
const CHEAP_MARKS: &[&str] = &["$m=8,t=1,p=1$", "$ln=1,r=1,p=1$", "$i=1$", "$1$", "$04$"];

/// A text is understood or refused; one that is understood says nothing of itself, and can be
/// checked against. The bytes as a password have the hash that is made of them, and no other has.
pub(crate) fn password_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(hash) = PasswordHash::parse(text) {
        assert!(text.len() <= 1024 && format!("{hash:?}").len() < 30);
        if CHEAP_MARKS.iter().any(|mark| text.contains(mark)) {
            verify(&hash, b"password").expect("what is understood can be checked against");
        }
    }
    if bytes.len() < 200 {
        let made = argon2id(bytes, &[9; 16], CHEAP).expect("a cheap hash");
        let hash = PasswordHash::parse(&made).expect("what was written is understood");
        assert!(!hash.is_weaker_than(CHEAP));
        assert_eq!(verify(&hash, bytes), Ok(true));
        assert_eq!(verify(&hash, &[bytes, b"x"].concat()), Ok(false));
    }
}
