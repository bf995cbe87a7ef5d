//! See `realmwright_protocol::fuzz::redirect_uri`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_protocol::fuzz::redirect_uri(bytes));
