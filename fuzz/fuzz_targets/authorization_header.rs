//! See `realmwright_protocol::fuzz::authorization_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_protocol::fuzz::authorization_header(bytes));
