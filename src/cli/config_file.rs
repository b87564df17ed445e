//! The flags of verbs that work on a Manager of this host: its configuration.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::outcome::Failure;
use crate::config::{Config, Flag};

/// Which configuration, and what goes before it.
#[derive(Args, Clone, Debug)]
pub(super) struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What the process is started as; goes before the file's node.role
    #[arg(long, value_enum)]
    role: Option<NodeRole>,
    /// A setting that goes before the file, for example log.level=debug
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

/// What a process is started as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum NodeRole {
    Manager,
    Witness,
}

impl ConfigFile {
    /// The checked configuration.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        let set = self.set.iter().map(|(key, value)| Flag {
            name: "--set".into(),
            key: key.clone(),
            value: value.clone(),
        });
        let role = self.role.map(|role| Flag {
            name: "--role".into(),
            key: "node.role".into(),
            value: match role {
                NodeRole::Manager => "manager".into(),
                NodeRole::Witness => "witness".into(),
            },
        });
        let flags: Vec<_> = set.chain(role).collect();
        Ok(Config::load(&self.config, std::env::vars_os(), &flags)?)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.config
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
