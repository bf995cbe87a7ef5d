//! See `realmwright_protocol::fuzz::parameters`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_protocol::fuzz::parameters(bytes));
