//! The binary `realmwright-idp`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use realmwright_idp::settings::Settings;

/// A password check takes tens of megabytes for tens of milliseconds: this allocator gives them
/// back (decision 0016).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match realmwright_idp::serve::run(Settings::parse()).await {
        Ok(code) => code,
        Err(fault) => {
            // Logs may not have begun. Who would read it may be gone.
            let _ = writeln!(std::io::stderr(), "realmwright-idp: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
