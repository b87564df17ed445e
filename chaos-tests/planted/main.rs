//! `km-planted`: the `km` program of a build that can make mistakes on purpose, see `raft-store/src/planted.rs`.
//! Built by `make chaos-scoreboard` alone.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // As in `km`: any TLS configuration made earlier would panic.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing ran before that could have installed another");
    kyvos_manager::cli::main()
}
