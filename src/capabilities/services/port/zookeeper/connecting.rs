//! Everything that is needed to be let in: addresses, certificates, a name and its password, opened.

use std::time::Duration;

use rustls_pki_types::ServerName;
use zookeeper_client::{Client, SaslOptions, TlsOptions};

use crate::base::Secret;
use crate::capabilities::services::model::{KEY_PURPOSE, PASSWORD_PURPOSE};
use crate::capabilities::services::plan::Order;
use crate::cluster::AdmitFailure;

/// What it takes to connect. It is not printed: it holds secrets.
pub(super) struct Ready {
    servers: String,
    pub(super) tls: Option<ReadyTls>,
    login: Option<(String, Secret)>,
}

pub(super) struct ReadyTls {
    pub(super) ca_pem: String,
    pub(super) identity: Option<(String, Secret)>,
}

impl Ready {
    /// Opens the secrets of an order.
    pub(super) fn of(
        order: &Order,
        open: impl Fn(&str, &[u8]) -> Result<Secret, AdmitFailure>,
    ) -> Result<Self, String> {
        let text = |purpose: &str, sealed: &[u8]| {
            open(purpose, sealed).map_err(|failure| format!("the {purpose}: {failure}"))
        };
        let tls = match &order.access.tls {
            None => None,
            Some(tls) => {
                let identity = tls.identity.as_ref().map(|identity| {
                    let key = text(KEY_PURPOSE, &identity.sealed_key)?;
                    Ok::<_, String>((identity.certificate_pem.clone(), key))
                });
                Some(ReadyTls { ca_pem: tls.ca_pem.clone(), identity: identity.transpose()? })
            }
        };
        let login = order.access.digest.as_ref().map(|login| {
            let password = text(PASSWORD_PURPOSE, &login.sealed_password)?;
            Ok::<_, String>((login.username.clone(), password))
        });
        let servers = servers(order)?;
        Ok(Self { servers, tls, login: login.transpose()? })
    }
}

/// The servers, as the client wants them. Over TLS it does not survive a name that can stand in no certificate.
fn servers(order: &Order) -> Result<String, String> {
    let named = |address: &&String| {
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        order.access.tls.is_none() || ServerName::try_from(host).is_ok()
    };
    let servers: Vec<&str> = order.servers.iter().filter(named).map(String::as_str).collect();
    if servers.is_empty() {
        return Err("no server has a name that can stand in a certificate".into());
    }
    Ok(servers.join(","))
}

/// A session with whichever server lets us in first.
pub(super) async fn connect(ready: &Ready, session: Duration) -> Result<Client, String> {
    let mut connector = Client::connector().with_session_timeout(session).with_readonly(true);
    if let Some((username, password)) = &ready.login {
        let login = SaslOptions::digest_md5(username.clone(), password.reveal().to_owned());
        connector = connector.with_sasl(login);
    }
    let connected = match &ready.tls {
        None => connector.connect(&ready.servers).await,
        Some(tls) => {
            let options = options(tls).map_err(|error| format!("its certificates: {error}"))?;
            connector.with_tls(options).secure_connect(&ready.servers).await
        }
    };
    connected.map_err(|error| format!("it does not let us in: {error}"))
}

fn options(tls: &ReadyTls) -> Result<TlsOptions, zookeeper_client::Error> {
    let options = TlsOptions::new().with_pem_ca(&tls.ca_pem)?;
    match &tls.identity {
        None => Ok(options),
        Some((certificate, key)) => options.with_pem_identity(certificate, key.reveal()),
    }
}
