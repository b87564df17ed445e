//! Founding a group: everything a group has from its first moment, agreed on by its only member.

use uuid::Uuid;

use super::identity::profile;
use super::make_data_dir;
use crate::base::{ManagerId, Refusal, Secret};
use crate::capabilities::access::model as access;
use crate::capabilities::access::password::Passwords;
use crate::capabilities::managers::model::Role;
use crate::capabilities::properties::model as properties;
use crate::capabilities::properties::schema::{ENABLE_KM_HA, File};
use crate::cli::outcome::Failure;
use crate::cluster::{Draft, Founding, Group, Home, Seat, Thresholds};
use crate::config::Config;
use crate::machine::Command;

/// The first user.
pub const ADMINISTRATOR: &str = "admin";

/// A group that has just come into being.
#[derive(Debug)]
pub struct Founded {
    /// Names it for ever.
    pub cluster_id: Uuid,
    /// Its first member.
    pub id: ManagerId,
    /// Certificate of its authority.
    pub ca_pem: String,
}

/// Makes the data directory and, in it, the group with its administrator. Rows 68 and 76: what HA needs is there
/// from the first boot, whether it is enabled or not. When something goes wrong nothing is left behind.
pub async fn found(
    config: &Config,
    name: &str,
    enable_ha: bool,
    password: Secret,
) -> Result<Founded, Failure> {
    let dir = &config.node.data_dir;
    if dir.exists() && std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        let remedy = "choose an empty folder, or start what is there with km serve";
        return Err(Failure::Refused(format!("{} is not empty: {remedy}", dir.display())));
    }
    make_data_dir(dir)?;
    let founded = bring_about(config, name, enable_ha, password).await;
    if founded.is_err()
        && let Err(error) = std::fs::remove_dir_all(dir)
    {
        tracing::warn!(%error, dir = %dir.display(), "a half-made data directory is left");
    }
    founded
}

async fn bring_about(
    config: &Config,
    name: &str,
    enable_ha: bool,
    password: Secret,
) -> Result<Founded, Failure> {
    let home = Home::at(&config.node.data_dir);
    let founding = home.found(name, &profile(config).names()).map_err(failed)?;
    let ca_pem = founding.group.ca_pem.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(Failure::local("open a port nobody dials"))?;
    let group = Group::start(Seat {
        home,
        role: Role::Manager,
        profile: profile(config),
        listener,
        hold: config.timing.forward_hold,
        store: raft_store::Options::default(),
        thresholds: Thresholds::after(config.checkpoint_after),
    })
    .await
    .map_err(failed)?;
    let begun = begin(&group, founding, enable_ha, password).await;
    let (cluster_id, id) = (group.cluster_id(), group.here());
    group.shutdown().await;
    begun.map(|()| Founded { cluster_id, id, ca_pem })
}

async fn begin(
    group: &Group,
    founding: Founding,
    enable_ha: bool,
    password: Secret,
) -> Result<(), Failure> {
    group.found(founding).await.map_err(failed)?;
    let password_hash = Passwords::new().hash(password).await.map_err(failed)?;
    let administrator = access::Command::CreateUser {
        username: ADMINISTRATOR.to_owned(),
        role: access::Role::Administrator,
        password_hash,
    };
    agree(group, administrator).await?;
    if enable_ha {
        let ha = properties::Command::Set {
            file: File::KyvosManager,
            name: ENABLE_KM_HA.to_owned(),
            value: "yes".to_owned(),
            expect: None,
            reverts_to: None,
        };
        agree(group, ha).await?;
    }
    Ok(())
}

async fn agree(group: &Group, command: impl Into<Command>) -> Result<(), Failure> {
    let settled = group.propose(Draft::own(group.here(), command)).await.map_err(failed)?;
    settled.answer.into_result().map(drop).map_err(|refusal: Refusal| failed(refusal))
}

fn failed(failure: impl std::fmt::Display) -> Failure {
    Failure::Refused(failure.to_string())
}
