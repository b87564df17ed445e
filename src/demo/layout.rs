//! Where a demo keeps its files and which ports its Managers use.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use crate::cli::outcome::Failure;

/// Ports of one kind stand next to each other, the kinds a hundred apart: 8441, 8541 and 8641 are Manager 1's.
const KIND_STEP: u16 = 100;
/// Where free ports are looked for: below the range from which Linux takes ports for outgoing connections, so
/// that a restarting Manager finds its ports still free.
const FREE_PORTS: std::ops::Range<u16> = 10_240..32_000;
/// How many random ports are tried before giving up.
const FREE_PORT_TRIES: usize = 1_000;

/// The three ports of a Manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub api: u16,
    pub peer: u16,
    pub health: u16,
}

impl Ports {
    /// The ports of Manager `number`; `base` 0 picks free ones.
    pub(super) fn of(number: u16, base: u16) -> Result<Self, Failure> {
        if base == 0 {
            return Self::free();
        }
        let port = |kind: u16| {
            base.checked_add(kind * KIND_STEP + number)
                .ok_or_else(|| Failure::Usage(format!("--base-port {base} is too high")))
        };
        let ports = Self { api: port(0)?, peer: port(1)?, health: port(2)? };
        ports.check_free()?;
        Ok(ports)
    }

    /// Complains about a port somebody else listens on.
    pub(super) fn check_free(self) -> Result<(), Failure> {
        for port in [self.api, self.peer, self.health] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                let remedy = "stop what listens there, or choose others with --base-port";
                Failure::Refused(format!("port {port} cannot be used ({error}): {remedy}"))
            })?;
        }
        Ok(())
    }

    fn free() -> Result<Self, Failure> {
        // Held together until all three are found, so that they differ.
        let (api, peer, health) = (free_port()?, free_port()?, free_port()?);
        Ok(Self { api: api.0, peer: peer.0, health: health.0 })
    }
}

fn free_port() -> Result<(u16, TcpListener), Failure> {
    (0..FREE_PORT_TRIES)
        .map(|_| rand::random_range(FREE_PORTS))
        .find_map(|port| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?)))
        .ok_or_else(|| Failure::Refused("no free port was found".into()))
}

/// The files of one Manager of a demo.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub folder: PathBuf,
    pub config: PathBuf,
    pub data_dir: PathBuf,
    pub log: PathBuf,
}

impl Home {
    pub(super) fn of(dir: &Path, number: u16) -> Self {
        let folder = dir.join(number.to_string());
        Self {
            config: folder.join("km.toml"),
            data_dir: folder.join("data"),
            log: folder.join("km.log"),
            folder,
        }
    }

    /// Makes the folder anew, with the configuration in it. What an interrupted start left there belongs to no
    /// member of the group.
    pub(super) fn make(&self, number: u16, ports: Ports) -> Result<(), Failure> {
        let make = || {
            if self.folder.exists() {
                std::fs::remove_dir_all(&self.folder)?;
            }
            std::fs::create_dir_all(&self.folder)?;
            std::fs::write(&self.config, config_text(number, ports))
        };
        make().map_err(Failure::local(format!("make {}", self.folder.display())))
    }
}

fn config_text(number: u16, Ports { api, peer, health }: Ports) -> String {
    format!(
        "# Manager {number} of a demo, all on this computer.\n\
         [node]\ndata_dir = \"data\"\nhost = \"km{number}\"\n\n\
         [peer]\nlisten = \"127.0.0.1:{peer}\"\nadvertise = \"127.0.0.1:{peer}\"\n\n\
         [api]\nlisten = \"127.0.0.1:{api}\"\nadvertise = \"https://127.0.0.1:{api}\"\n\n\
         [health]\nlisten = \"127.0.0.1:{health}\"\nadvertise = \"127.0.0.1:{health}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_configuration_of_a_demo_manager_is_a_valid_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(dir.path(), 2);
        home.make(2, Ports { api: 8442, peer: 8542, health: 8642 }).unwrap();
        let config = Config::load(&home.config, [], &[]).unwrap();
        assert_eq!(config.node.data_dir, home.data_dir);
        assert_eq!(config.api.advertise, "https://127.0.0.1:8442");
        assert_eq!(config.health.url, "http://127.0.0.1:8642");
    }

    #[test]
    fn a_taken_port_is_told_with_a_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let api = taken.local_addr().unwrap().port();
        let free = Ports::of(1, 0).unwrap();
        let refused = Ports { api, ..free }.check_free().unwrap_err().to_string();
        assert!(refused.contains(&format!("port {api}")) && refused.contains("--base-port"));
        free.check_free().unwrap();
    }
}
