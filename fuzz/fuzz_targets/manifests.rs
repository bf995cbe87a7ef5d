//! YAML of a tenant: diagnostics, never a panic (a tenant must not crash the compiler).
#![no_main]

use libfuzzer_sys::fuzz_target;
use realmwright_compiler::{CompileProfile, Compiler, Manifests};

fuzz_target!(|bytes: &[u8]| {
    let mut manifests = Manifests::default();
    manifests.insert("fuzz.yaml", bytes.to_vec());
    let _ = Compiler::default().compile(&manifests, &CompileProfile::Production);
});
