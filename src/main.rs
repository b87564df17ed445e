//! The `km` program: from the command line to a verb. Nothing else.

use std::process::ExitCode;

#[cfg(feature = "planted-bugs")]
compile_error!("mistakes are planted in km-planted alone: add --bin km-planted");

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // First of all: with two providers in the build, any TLS configuration made earlier would panic.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing ran before that could have installed another");
    kyvos_manager::cli::main()
}
