//! Every parser of foreign bytes, as one program: `scripts/fuzz` builds it instrumented and starts
//! it once for each target, which the variable `FUZZ_TARGET` names. `FUZZ_TARGET=list` names all.
//!
//! A target may assert whatever always holds, not only that nothing panics. Its seeds lie in
//! `seeds/<target>`.
//!
//! Recipe for a new parser: a function here or, when it needs what is private, in its crate; a row
//! in [`TARGETS`]; seeds that it accepts, one for each way through.

#![no_main]

mod accounts;
mod artefacts;
mod configuration;
mod connections;
mod passwords;
mod sources;
mod splice;
mod tokens;

use std::sync::OnceLock;

use realmwright_protocol::fuzz as protocol;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("account_import", accounts::import),
    ("authorization_header", protocol::authorization_header),
    ("cookies", connections::cookies),
    ("expression", realmwright_decision::expression::fuzz),
    ("forwarded_headers", connections::forwarded_headers),
    ("jwk_set", protocol::jwk_set),
    ("keyring", artefacts::keyring),
    ("languages", connections::languages),
    ("manifests", configuration::manifests),
    ("parameters", protocol::parameters),
    ("password_hash", passwords::password_hash),
    ("redirect_uri", protocol::redirect_uri),
    ("sealed_state", tokens::sealed_state),
    ("secret_bundle", artefacts::secret_bundle),
    ("signed_token", tokens::signed_token),
    ("snapshot_content", artefacts::snapshot_content),
    ("snapshot_manifest", artefacts::snapshot_manifest),
    ("snapshot_part", artefacts::snapshot_part),
    ("tokens", protocol::tokens),
    ("yaml", configuration::yaml),
];

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn choose() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
        return *target;
    }
    for (known, _) in TARGETS {
        println!("{known}");
    }
    std::process::exit(i32::from(name != "list"))
}

libfuzzer_sys::fuzz_target!(
    init: {
        let _ = CHOSEN.set(choose());
    },
    |bytes: &[u8]| CHOSEN.get_or_init(choose)(bytes)
);
