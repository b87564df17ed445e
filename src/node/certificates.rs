//! The API's certificate while the process runs: whatever replaces it on the disk is shown to whoever connects next.
//!
//! The files are looked at once a minute, and at once on SIGHUP. Files that cannot be used are told in the log, and
//! what was shown before goes on being shown.

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
    config: Config,
    home: Home,
    /// As the files were when they were last looked at, usable or not.
    seen: Option<Shown>,
    tls: RustlsConfig,
    hangups: Signal,
}

impl Certificates {
    /// Reads the files; they must be usable.
    pub(super) fn read(config: &Config, home: &Home) -> Result<Self, Failure> {
        let seen = shown(config, home)?;
        let tls = RustlsConfig::from_config(tls_of(&seen)?);
        let hangups = signal(SignalKind::hangup()).map_err(Failure::local("listen for signals"))?;
        Ok(Self { config: config.clone(), home: home.clone(), seen: Some(seen), tls, hangups })
    }

    /// What the listener is run with; it changes with the files.
    pub(super) fn tls(&self) -> RustlsConfig {
        self.tls.clone()
    }

    /// Looks at the files again and again until `ended`.
    pub(super) async fn keep(mut self, ended: CancellationToken) {
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = self.hangups.recv() => {}
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
        let now = shown(&self.config, &self.home)?;
        if self.seen.as_ref() == Some(&now) {
            return Ok(false);
        }
        let tls = tls_of(&now);
        // What cannot be used is told once, not every minute.
        self.seen = Some(now);
        self.tls.reload_from_config(tls?);
        Ok(true)
    }
}
