//! The binary: the TLS provider, the command line, the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: rustls panics at the first TLS connection without a provider. It fails only where there already
    // is one, which is as good.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    quorate::cli::main().into()
}
