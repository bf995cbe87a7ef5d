//! A part of a sealed snapshot with foreign bytes never opens and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use realmwright_snapshot::{Sealer, open, sample};

fuzz_target!(|bytes: &[u8]| {
    let realm = sample::realm([sample::client("app")]);
    let mut sealed = Sealer::new().seal(&realm).expect("the sample seals");
    if let Some((_, digest)) = sealed.root.parts.first().cloned() {
        sealed.parts.insert(digest, bytes.to_vec().into());
    }
    assert!(open(&sealed, None).is_err());
});
