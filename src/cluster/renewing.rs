//! A Manager's certificate is renewed in time and shown from then on, while it runs; at any time when it is told to (SIGHUP).
//!
//! Every Manager holds the group key and so can open the group's authority: it needs nobody for this. The key pair
//! stays, so one file changes, whole or not at all. A witness has no group key: it is told of by the notice
//! `CERTIFICATE_EXPIRES`, and joins anew.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Group;
use super::home::HomeFailure;
use super::joining::AdmitFailure;
use super::pki::{CertificateRequest, PkiFailure};
use super::tls::TlsFailure;
use crate::base::Timestamp;
use crate::capabilities::managers::model::Role;

/// How long before its end a certificate is renewed: a quarter of a year, so that weeks of trouble do no harm.
const BEFORE_MS: u64 = 90 * 24 * 3_600 * 1_000;
/// How often is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Why a certificate was not renewed. The one there is goes on being shown.
#[derive(Debug, thiserror::Error)]
pub enum RenewFailure {
    /// The group's authority cannot be used here.
    #[error(transparent)]
    Authority(#[from] AdmitFailure),
    /// The authority did not issue it.
    #[error(transparent)]
    Issue(#[from] PkiFailure),
    /// It cannot be kept.
    #[error(transparent)]
    Home(#[from] HomeFailure),
    /// It cannot be shown.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
}

impl Group {
    /// Has a new certificate issued for this Manager, keeps it, and shows it to whoever connects from now on.
    /// Tells when it ends.
    pub fn renew_certificate(&self) -> Result<Option<Timestamp>, RenewFailure> {
        let core = &self.core;
        let ca = self.authority()?;
        let mut credentials = core.home.credentials()?;
        let request = CertificateRequest::with_key(credentials.key_pem.clone())?;
        let (names, now) = (core.profile.names(), self.now().0 / 1000);
        credentials.certificate_pem = ca.issue(&request.csr_pem, core.here, &names, now)?;
        core.home.renew(&credentials)?;
        core.shown.show(&credentials)?;
        Ok(core.shown.expires_at())
    }

    /// Renews the certificate; what came of it is in the log, as nobody waits for it.
    pub fn renew_or_tell(&self) {
        match self.renew_certificate() {
            Ok(ends) => tracing::info!(?ends, "this Manager's certificate is renewed"),
            Err(failure) => tracing::warn!(%failure, "this Manager's certificate is not renewed"),
        }
    }

    /// Renews the certificate whenever it is time, until dropped.
    pub(super) async fn keep_certificate(self) {
        if self.core.role == Role::Witness {
            return;
        }
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if is_due(self.core.shown.expires_at(), (self.core.wall_clock)()) {
                self.renew_or_tell();
            }
        }
    }
}

fn is_due(ends: Option<Timestamp>, now: Timestamp) -> bool {
    ends.is_some_and(|ends| ends.since_ms(now) < BEFORE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_in_its_last_quarter_of_a_year() {
        let ends = Timestamp(1_795_000_000_000);
        let before = |days: u64| Timestamp(ends.0 - days * 24 * 3_600 * 1_000);
        assert!(!is_due(Some(ends), before(90)));
        assert!(is_due(Some(ends), before(89)) && is_due(Some(ends), ends.plus_ms(1)));
        assert!(!is_due(None, ends));
    }
}
