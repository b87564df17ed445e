//! A group whose Active tells its alerts, and certificates that only a test believes.

use std::sync::Arc;

use kyvos_manager::base::{Revision, Secret};
use kyvos_manager::capabilities::alerts::model::{
    Cause, Channel, Command, Kind, Setting, Severity, Tried, Way,
};
use kyvos_manager::capabilities::alerts::port::RealPost;
use kyvos_manager::capabilities::alerts::reconciler::Couriers;
use kyvos_manager::cluster::Group;
use kyvos_manager::leadership::Driver;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use crate::support::{Member, committed, first_member, until};

/// What the Active runs to tell alerts.
pub fn drive(group: &Group) -> Driver {
    let post = Arc::new(RealPost::of(group.clone()));
    Driver::start(group, vec![Arc::new(Couriers::of(group.clone(), post))])
}

/// One Manager, Active, with one channel.
pub struct Stage {
    pub member: Member,
    driver: Driver,
    channel: Revision,
}

impl Stage {
    /// With a channel made by what seals its secrets.
    pub async fn telling(way: impl FnOnce(&dyn Fn(&str, &str) -> Vec<u8>) -> Way) -> Self {
        let member = first_member().await;
        let driver = drive(member.group());
        let channel = add_channel(member.group(), way).await;
        Self { member, driver, channel }
    }

    pub fn group(&self) -> &Group {
        self.member.group()
    }

    pub fn channel(&self) -> Channel {
        self.group().view(|state| state.alerts.channels[&self.channel].clone())
    }

    /// What came of trying the channel out.
    pub async fn tries_out(&self) -> Result<String, String> {
        committed(self.group(), Command::TryOut { id: self.channel }).await;
        let tried = || self.channel().wish.and_then(|wish| wish.tried);
        until("it was tried out", || tried().is_some()).await;
        let Tried { outcome, .. } = tried().unwrap();
        outcome
    }

    pub async fn end(mut self) {
        self.driver.shutdown().await;
        self.member.stop().await;
    }
}

pub async fn add_channel(
    group: &Group,
    way: impl FnOnce(&dyn Fn(&str, &str) -> Vec<u8>) -> Way,
) -> Revision {
    let seal = |purpose: &str, text: &str| group.seal(purpose, &Secret::new(text)).unwrap();
    let setting = Setting { name: "told".into(), least: Severity::Info, way: way(&seal) };
    committed(group, Command::AddChannel { setting }).await;
    group.view(|state| *state.alerts.channels.keys().next().unwrap())
}

/// Something happens.
pub async fn raise(group: &Group, key: &str) -> Revision {
    let cause = Cause {
        key: key.into(),
        kind: Kind::HostSilent,
        severity: Severity::Warning,
        subject: "größe.example".into(),
        text: format!("Host {key} does not answer: „no route“."),
        since: group.now(),
        occurrence: None,
    };
    committed(group, Command::Raise { cause }).await;
    group.view(|state| state.alerts.newest_of(key).unwrap().0)
}

/// An authority, and a certificate of it for this computer, with its key: all PEM.
pub struct Certified {
    pub ca: String,
    pub certificate: String,
    pub key: String,
}

impl Certified {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let certificate = params.signed_by(&key, &ca).unwrap();
        Self { ca: ca.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
