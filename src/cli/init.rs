//! `km init`: the first Manager of a new group.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::config_file::ConfigFile;
use super::outcome::Failure;
use super::output::{Format, Output, say};
use crate::base::Secret;
use crate::capabilities::managers::model::Role;
use crate::config::Config;
use crate::node;

/// `km init`.
#[derive(Args, Debug)]
pub(super) struct Init {
    #[command(flatten)]
    file: ConfigFile,
    /// What people call the group
    #[arg(long, default_value = "kyvos")]
    name: String,
    /// Switch Kyvos Manager High Availability on, so that further Managers can join
    #[arg(long)]
    enable_ha: bool,
}

/// Makes the group. The administrator's password is generated, shown once, and kept nowhere.
pub(super) async fn run(init: Init, output: Output) -> Result<(), Failure> {
    let config = init.file.load()?;
    if config.node.role == Role::Witness {
        let remedy = "begin with a Manager; the witness joins with km join";
        return Err(Failure::Usage(format!("a witness cannot be the first of a group: {remedy}")));
    }
    let password = Secret::new(generated_password());
    let founded = node::found(&config, &init.name, init.enable_ha, password.clone()).await?;
    let told = json!({
        "cluster_id": founded.cluster_id,
        "id": founded.id.0,
        "api_url": config.api.advertise,
        "ca": ca_file(&config),
        "ca_pem": founded.ca_pem,
        "admin": { "username": node::ADMINISTRATOR, "password": password.reveal() },
    });
    match output.format {
        Format::Json => output.object(&told),
        Format::Table => explain(&init, &config, &password),
    }
    Ok(())
}

fn ca_file(config: &Config) -> PathBuf {
    config.node.data_dir.join("identity/ca.pem")
}

fn explain(init: &Init, config: &Config, password: &Secret) {
    let (ca, url) = (ca_file(config), &config.api.advertise);
    let file: &Path = init.file.path();
    say(&format!("The group \"{}\" has its first Manager.\n", init.name));
    say(&format!("  Administrator:  {}", node::ADMINISTRATOR));
    say(&format!("  Password:       {}   (shown once, kept nowhere)\n", password.reveal()));
    say(&format!("Start it:   km serve --config {}", file.display()));
    say(&format!("Sign in:    km --server {url} --ca {} login", ca.display()));
    say("Then add a further Manager with the token of:   km token create");
}

/// 24 letters and digits that are not mistaken for each other: about 130 bits.
fn generated_password() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let letter = |_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    (0..24).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_is_long_and_never_the_same() {
        assert_eq!(generated_password().len(), 24);
        assert_ne!(generated_password(), generated_password());
    }
}
