//! The API's certificate while the process runs: whatever replaces it on the disk is shown to whoever connects next.
//!
//! The files are looked at once a minute, and at once on SIGHUP. Files that cannot be used are told in the log, and
//! what was shown before goes on being shown.
//!
//! SIGHUP also has the Manager's own certificate of the group renewed: who reloads the service wants new certificates,
//! whatever their age. The API shows that one where the site has given it none.

use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::listeners::{Shown, shown, tls_of};
use crate::cli::outcome::Failure;
use crate::cluster::Home;
use crate::config::Config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Watches over the files behind what the API shows.
pub(super) struct Certificates {
    /// Reads the files.
    read: Box<dyn Fn() -> Result<Shown, Failure> + Send>,
    /// As the files were when they were last looked at, usable or not.
    seen: Shown,
    tls: RustlsConfig,
    hangups: Signal,
}

impl Certificates {
    /// The files of this configuration; they must be usable.
    pub(super) fn of(config: &Config, home: &Home) -> Result<Self, Failure> {
        let (config, home) = (config.clone(), home.clone());
        Self::reading(Box::new(move || shown(&config, &home)))
    }

    fn reading(read: Box<dyn Fn() -> Result<Shown, Failure> + Send>) -> Result<Self, Failure> {
        let seen = read()?;
        let tls = RustlsConfig::from_config(tls_of(&seen)?);
        let hangups = signal(SignalKind::hangup()).map_err(Failure::local("listen for signals"))?;
        Ok(Self { read, seen, tls, hangups })
    }

    /// What the listener is run with; it changes with the files.
    pub(super) fn tls(&self) -> RustlsConfig {
        self.tls.clone()
    }

    /// Looks at the files again and again until `ended`; on SIGHUP `renews` the group's own before.
    pub(super) async fn keep(mut self, renews: impl Fn(), ended: CancellationToken) {
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = self.hangups.recv() => renews(),
            }
            match self.look() {
                Ok(false) => {}
                Ok(true) => tracing::info!("the API shows a new certificate"),
                Err(failure) => {
                    tracing::warn!(%failure, "the API's certificate on the disk cannot be used; the one before is shown");
                }
            }
        }
    }

    /// Shows what the files hold, if it is something new.
    fn look(&mut self) -> Result<bool, Failure> {
        let now = (self.read)()?;
        if self.seen == now {
            return Ok(false);
        }
        let tls = tls_of(&now);
        // What cannot be used is told once, not every minute.
        self.seen = now;
        self.tls.reload_from_config(tls?);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use uuid::Uuid;

    use super::*;
    use crate::cluster::{CertificateRequest, GroupCa, PeerIdentity};

    fn issued(request: &CertificateRequest, at: u64) -> Shown {
        let identity = PeerIdentity { cluster_id: Uuid::from_u128(9), node_id: 1 };
        let ca = GroupCa::generate(identity.cluster_id, at).unwrap();
        let chain = ca.issue(&request.csr_pem, identity, &[], at).unwrap();
        Shown { chain, key: request.key_pem.clone() }
    }

    // row 89
    #[tokio::test]
    async fn replaced_files_are_shown_and_unusable_ones_are_told_once() {
        let request = CertificateRequest::generate().unwrap();
        let files = Arc::new(Mutex::new(issued(&request, 1_795_000_000)));
        let disk = files.clone();
        let read = move || {
            let files = disk.lock().unwrap();
            Ok(Shown { chain: files.chain.clone(), key: files.key.clone() })
        };
        let mut certificates = Certificates::reading(Box::new(read)).unwrap();
        let first = certificates.tls().get_inner();
        assert!(!certificates.look().unwrap());

        files.lock().unwrap().chain = "half written".into();
        assert!(certificates.look().is_err() && !certificates.look().unwrap());
        assert!(Arc::ptr_eq(&certificates.tls().get_inner(), &first));

        *files.lock().unwrap() = issued(&request, 1_795_003_600);
        assert!(certificates.look().unwrap());
        assert!(!Arc::ptr_eq(&certificates.tls().get_inner(), &first));
    }
}
