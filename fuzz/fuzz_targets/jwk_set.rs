//! See `realmwright_protocol::fuzz::jwk_set`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_protocol::fuzz::jwk_set(bytes));
