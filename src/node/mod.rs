//! One Manager: the one place where its parts meet.
//!
//! ```text
//!   up:    ports bound → store and group → leadership → API and health → "ready"
//!   down:  "stopping" → event streams end → leadership is handed over → API drains → group → store
//! ```
//!
//! Nothing is decided here; parts are only put together, and taken apart in reverse.

mod certificates;
mod found;
mod identity;
mod listeners;
mod own_words;
mod removed;
mod serve;
mod stopping;
mod summons;
mod will;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub use found::{ADMINISTRATOR, Founded, found};
pub use identity::profile;
pub use removed::REMEDY as REMOVED_REMEDY;
pub use serve::serve;
pub use will::keep_will;

use crate::base::Digest;
use crate::cli::outcome::Failure;

/// Only its owner may look into a data directory: it holds keys.
const PRIVATE_DIR: u32 = 0o700;

/// Makes a data directory, or takes one that is there and empty or left by an interrupted `km join`.
pub fn make_data_dir(dir: &Path) -> Result<(), Failure> {
    let make = || {
        std::fs::DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(dir)?;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(PRIVATE_DIR))
    };
    make().map_err(Failure::local(format!("node.data_dir = {}", dir.display())))
}

/// Whether an authority's certificate is the one an invitation named.
pub fn check_authority(ca_pem: &str, expected: Digest) -> Result<(), Failure> {
    match CertificateDer::from_pem_slice(ca_pem.as_bytes()) {
        Ok(certificate) if Digest::of(&certificate) == expected => Ok(()),
        _ => Err(Failure::Refused(
            "whoever answered is not the group that made the token: nothing was taken from it"
                .into(),
        )),
    }
}
