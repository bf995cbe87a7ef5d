//! See `realmwright_protocol::fuzz::tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_protocol::fuzz::tokens(bytes));
