//! Expressions of authors: parsed, checked, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| realmwright_decision::expression::fuzz(bytes));
