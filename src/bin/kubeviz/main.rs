//! The headless command: reads files, calls the library, prints what it says. `kubeviz help` lists all it does.
//!
//! Exit status: 0 if all went as it should, 1 if something failed, 2 for a wrong command line or an unreadable file.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

/// There is no command line in a browser: the target is there only because every binary of a package is.
#[cfg(target_arch = "wasm32")]
fn main() {}
