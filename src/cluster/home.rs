//! What lies in a Manager's data directory, and how it gets there: the first member's, a joining one's.
//!
//! ```text
//!   DIR/identity/   ca.pem  manager.pem  manager.key  group.key  role  disk  clocks.json   who this is; removed
//!   DIR/store/      raft-store                                                             what it remembers
//! ```
//!
//! A number is bound to a disk for ever. The disk id stands in both folders, so a store that was wiped or
//! swapped is noticed, and is not formatted again under the old number: it has forgotten its votes.

use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::pki::{CertificateRequest, GroupCa, PeerIdentity, PkiFailure};
use super::private_file;
use super::promise::Promise;
use super::proposing;
use super::summed_file;
use super::timers::Timers;
use super::tls::{Credentials, Shown, TlsFailure};
use super::vault::{GroupKey, VaultFailure};
use crate::base::ManagerId;
use crate::capabilities::managers::model::{FOUNDER, Group as GroupFacts, LEASE_MAX_MS, Role};

/// A Manager's data directory.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

/// What a first member brings into the log.
#[derive(Debug)]
pub struct Founding {
    /// For [`Command::Found`](crate::capabilities::managers::model::Command::Found).
    pub group: GroupFacts,
    /// The disk its number is bound to.
    pub disk_id: Uuid,
}

/// What a joining member shows to the group.
#[derive(Clone, Debug)]
pub struct JoinAsk {
    /// Request for its certificate.
    pub csr_pem: String,
    /// The disk its number is to be bound to.
    pub disk_id: Uuid,
}

/// What the group gives to a member it admits.
#[derive(Clone)]
pub struct JoinGrant {
    /// Its number.
    pub member: ManagerId,
    /// The group.
    pub cluster_id: Uuid,
    /// Certificate of the group's authority.
    pub ca_pem: String,
    /// The new member's certificate.
    pub certificate_pem: String,
    /// The group key, hexadecimal; for Managers, not for witnesses.
    pub group_key: Option<Zeroizing<String>>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeFailure {
    /// A directory or file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file of the identity is missing, or not what was written.
    #[error(
        "{path}: {cause}. Put it back from a backup, or let the host in anew with `km join --replace`"
    )]
    Damaged {
        /// Which.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// There is data already.
    #[error(
        "{0} holds a Manager already. Choose an empty data directory, or start that Manager with `km serve`"
    )]
    Occupied(String),
    /// There is the data of a member that is none any more.
    #[error("{0}. Its number does not come back: let this host in anew with `km join --replace`")]
    Removed(String),
    /// A Manager's group key is gone.
    #[error(
        "{0} is missing, and without the group key this Manager cannot run. Put it back from a backup, or let \
         the host in anew with `km join --replace`"
    )]
    NoGroupKey(String),
    /// What a member promised is gone.
    #[error(
        "{0} is missing, so this Manager does not know any more how long a lease it promised, and takes it for the longest \
         there is: until the Active knows which one it announces now, it neither votes nor stands for election for at least \
         60 seconds. Then it begins anew with that one"
    )]
    ForgottenPromise(String),
    /// The answer to the join does not fit together.
    #[error("the answer to the join request is not usable: {0}")]
    BadGrant(&'static str),
    /// No certificate could be made.
    #[error(transparent)]
    Pki(#[from] PkiFailure),
    /// The group key is not usable.
    #[error(transparent)]
    Vault(#[from] VaultFailure),
    /// The credentials are not usable.
    #[error(
        "{0}. Put the file back from a backup, or let the host in anew with `km join --replace`"
    )]
    Tls(#[from] TlsFailure),
    /// The store refuses; the message says what to do.
    #[error(transparent)]
    Store(#[from] raft_store::OpenError),
}

impl Home {
    /// The data directory at `dir`. Nothing is read or made yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Home { dir: dir.into() }
    }

    /// Makes the home of a group's first member: authority, group key, certificate and an empty store.
    pub fn found(&self, name: &str, hosts: &[String]) -> Result<Founding, HomeFailure> {
        self.must_be_new()?;
        let (cluster_id, disk_id) = (Uuid::new_v4(), self.make_disk_id()?);
        let identity = PeerIdentity { cluster_id, node_id: FOUNDER.0 };
        let now_unix_s = proposing::now().0 / 1000;
        let ca = GroupCa::generate(cluster_id, now_unix_s)?;
        let key = GroupKey::generate()?;
        let request = CertificateRequest::generate()?;
        let credentials = Credentials {
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem: ca.issue(&request.csr_pem, identity, hosts, now_unix_s)?,
            key_pem: request.key_pem,
        };
        let group = GroupFacts {
            cluster_id,
            name: name.to_owned(),
            ca_pem: ca.certificate_pem().to_owned(),
            sealed_ca_key: ca.seal(&key)?,
        };
        self.write_group_key(&key)?;
        self.write_role(Role::Manager)?;
        self.settle(identity, disk_id, &credentials)?;
        Ok(Founding { group, disk_id })
    }

    /// Prepares to join: a key pair and a disk id, kept so that a repeated attempt shows the same ones.
    pub fn ask_to_join(&self) -> Result<JoinAsk, HomeFailure> {
        self.must_be_new()?;
        let disk_id = match self.disk_id()? {
            Some(disk_id) => disk_id,
            None => self.make_disk_id()?,
        };
        let key_path = self.identity_file("joining.key");
        let request = match fs::read_to_string(&key_path) {
            Ok(key_pem) => CertificateRequest::with_key(Zeroizing::new(key_pem))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let request = CertificateRequest::generate()?;
                private_file::write(&key_path, request.key_pem.as_bytes())
                    .map_err(file(&key_path))?;
                request
            }
            Err(cause) => return Err(file(&key_path)(cause)),
        };
        Ok(JoinAsk { csr_pem: request.csr_pem, disk_id })
    }

    /// Settles down as the member the group made this one.
    pub fn join(&self, grant: &JoinGrant) -> Result<(), HomeFailure> {
        self.must_be_new()?;
        let key_path = self.identity_file("joining.key");
        let key_pem = fs::read_to_string(&key_path).map(Zeroizing::new).map_err(file(&key_path))?;
        let disk_id =
            self.disk_id()?.ok_or(HomeFailure::BadGrant("nobody asked to join from here"))?;
        let identity = PeerIdentity { cluster_id: grant.cluster_id, node_id: grant.member.0 };
        let credentials = Credentials {
            ca_pem: grant.ca_pem.clone(),
            certificate_pem: grant.certificate_pem.clone(),
            key_pem,
        };
        if credentials.identity()? != identity {
            return Err(HomeFailure::BadGrant("the certificate is not that of the member"));
        }
        credentials.peer_client(Shown::of(&credentials)?)?;
        if let Some(key) = &grant.group_key {
            let key = GroupKey::from_hex(key).map_err(HomeFailure::BadGrant)?;
            self.write_group_key(&key)?;
        }
        let role = if grant.group_key.is_some() { Role::Manager } else { Role::Witness };
        self.write_role(role)?;
        self.settle(identity, disk_id, &credentials)?;
        fs::remove_file(&key_path).map_err(file(&key_path))
    }

    /// Keeps a certificate that was issued anew for the same key.
    pub(crate) fn renew(&self, credentials: &Credentials) -> Result<(), HomeFailure> {
        Ok(credentials.save_certificate(&self.identity_dir())?)
    }

    /// Puts aside what a member left here that must not come back, and says where; nothing when there is none.
    /// Its number and its disk id are never used again: the next member gets new ones.
    pub fn put_aside(&self) -> Result<Option<PathBuf>, HomeFailure> {
        let left: Vec<PathBuf> = [self.identity_dir(), self.store_dir()]
            .into_iter()
            .filter(|dir| dir.exists())
            .collect();
        if left.is_empty() {
            return Ok(None);
        }
        if let Err(in_use @ raft_store::OpenError::Locked { .. }) =
            raft_store::check(&self.store_dir())
        {
            return Err(in_use.into());
        }
        let aside = (1..)
            .map(|number| self.dir.join(format!("replaced-{number}")))
            .find(|dir| !dir.exists())
            .expect("numbers do not run out");
        fs::create_dir(&aside).map_err(file(&aside))?;
        // Who it was goes first: what is left after a crash is no member's home, and is put aside the next time.
        for dir in left {
            let name = dir.file_name().expect("a folder of ours has a name");
            fs::rename(&dir, aside.join(name)).map_err(file(&dir))?;
        }
        Ok(Some(aside))
    }

    /// Whether this is a member's home, and not an empty folder or that of an unfinished join.
    pub fn is_settled(&self) -> bool {
        self.identity_file("manager.pem").exists()
    }

    /// What of the identity cannot be used, file by file or, where files do not fit together, their folder.
    pub fn identity_damage(&self) -> Vec<(PathBuf, HomeFailure)> {
        let found = [
            (self.identity_dir(), self.fits_together()),
            (self.identity_file("role"), self.role().map(drop)),
            (self.identity_file("group.key"), self.group_key().map(drop)),
            (self.identity_file("clocks.json"), self.kept_promise()),
        ];
        found.into_iter().filter_map(|(path, is)| Some((path, is.err()?))).collect()
    }

    /// Whether certificate, key and authority are there and fit together; the failure says what to do.
    pub fn check_credentials(&self) -> Result<(), HomeFailure> {
        self.fits_together()
    }

    fn kept_promise(&self) -> Result<(), HomeFailure> {
        self.forgotten_promise()?.map_or_else(|| self.promise().map(drop), Err)
    }

    /// What is to be told where a settled member does not know any more what it promised.
    fn forgotten_promise(&self) -> Result<Option<HomeFailure>, HomeFailure> {
        let path = self.identity_file("clocks.json");
        let is_there = path.try_exists().map_err(file(&path))?;
        let told = || HomeFailure::ForgottenPromise(path.display().to_string());
        Ok((self.is_settled() && !is_there).then(told))
    }

    fn fits_together(&self) -> Result<(), HomeFailure> {
        let credentials = self.credentials()?;
        credentials.must_be_of_their_authority()?;
        let shown = Shown::of(&credentials)?;
        credentials.peer_server(shown.clone())?;
        credentials.peer_client(shown)?;
        self.expected(&credentials).map(drop)
    }

    /// What this Manager shows and believes; also what its API listener is run with.
    pub fn credentials(&self) -> Result<Credentials, HomeFailure> {
        Ok(Credentials::load(&self.identity_dir())?)
    }

    /// The group key; `None` on a witness, which has none. A Manager that lost its key is no witness.
    pub(crate) fn group_key(&self) -> Result<Option<GroupKey>, HomeFailure> {
        let path = self.identity_file("group.key");
        match (path.exists(), self.role()?) {
            (true, _) => Ok(Some(GroupKey::load(&path)?)),
            (false, Role::Witness) => Ok(None),
            (false, Role::Manager) => Err(HomeFailure::NoGroupKey(path.display().to_string())),
        }
    }

    /// What it was let in as.
    fn role(&self) -> Result<Role, HomeFailure> {
        let path = self.identity_file("role");
        if !path.exists() {
            return Err(damaged(&path, "it is missing"));
        }
        let written = summed_file::read(&path).map_err(kept(&path))?;
        let role =
            [Role::Manager, Role::Witness].into_iter().find(|role| role.as_str() == *written);
        role.ok_or_else(|| damaged(&path, "neither manager nor witness"))
    }

    /// Who the store has to belong to.
    pub(crate) fn expected(
        &self,
        credentials: &Credentials,
    ) -> Result<raft_store::Identity, HomeFailure> {
        let PeerIdentity { cluster_id, node_id } = credentials.identity()?;
        let path = self.identity_file("disk");
        let disk_id = self.disk_id()?.ok_or_else(|| damaged(&path, "it is missing"))?;
        Ok(raft_store::Identity { cluster_id, disk_id, node_id })
    }

    /// Promises what every member does from the beginning: the lease of the default timers.
    pub fn begin_promising(&self) -> Result<(), HomeFailure> {
        let dir = self.identity_dir();
        fs::create_dir_all(&dir).map_err(file(&dir))?;
        self.promise()?.before_announcing(Timers::default().lease_ms()).map_err(file(&dir))
    }

    /// What this member promised; of one that does not know it any more, the longest lease there is.
    pub(crate) fn promise(&self) -> Result<Promise, HomeFailure> {
        let (dir, forgotten) = (self.identity_dir(), self.forgotten_promise()?);
        let promise = Promise::load(&dir).map_err(file(&dir))?;
        if let Some(forgotten) = forgotten {
            tracing::warn!("{forgotten}");
            promise.before_announcing(LEASE_MAX_MS).map_err(file(&dir))?;
        }
        Ok(promise)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The store first, the certificate last: with the certificate, this is a Manager.
    fn settle(
        &self,
        identity: PeerIdentity,
        disk_id: Uuid,
        credentials: &Credentials,
    ) -> Result<(), HomeFailure> {
        let PeerIdentity { cluster_id, node_id } = identity;
        let store = raft_store::Identity { cluster_id, disk_id, node_id };
        if raft_store::identity(&self.store_dir())? != Some(store) {
            raft_store::format(&self.store_dir(), &store)?;
        }
        self.begin_promising()?;
        Ok(credentials.save(&self.identity_dir())?)
    }

    fn must_be_new(&self) -> Result<(), HomeFailure> {
        let dir = self.identity_dir();
        fs::create_dir_all(&dir).map_err(file(&dir))?;
        if let Some(why) = self.removal() {
            return Err(HomeFailure::Removed(why));
        }
        if self.is_settled() {
            return Err(HomeFailure::Occupied(self.dir.display().to_string()));
        }
        Ok(())
    }

    fn make_disk_id(&self) -> Result<Uuid, HomeFailure> {
        let (path, disk_id) = (self.identity_file("disk"), Uuid::new_v4());
        summed_file::write(&path, &disk_id.to_string()).map_err(file(&path))?;
        Ok(disk_id)
    }

    fn disk_id(&self) -> Result<Option<Uuid>, HomeFailure> {
        let path = self.identity_file("disk");
        match summed_file::read(&path) {
            Ok(text) => text.parse().map(Some).map_err(|_| damaged(&path, "not a disk id")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(kept(&path)(cause)),
        }
    }

    fn write_group_key(&self, key: &GroupKey) -> Result<(), HomeFailure> {
        let path = self.identity_file("group.key");
        key.save(&path).map_err(file(&path))
    }

    fn write_role(&self, role: Role) -> Result<(), HomeFailure> {
        let path = self.identity_file("role");
        summed_file::write(&path, role.as_str()).map_err(file(&path))
    }

    fn identity_dir(&self) -> PathBuf {
        self.dir.join("identity")
    }

    pub(super) fn identity_file(&self, name: &str) -> PathBuf {
        self.identity_dir().join(name)
    }
}

pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> HomeFailure {
    let path = path.display().to_string();
    move |cause| HomeFailure::File { path, cause }
}

/// The same where the file was read back: it may be another than was written.
fn kept(path: &Path) -> impl FnOnce(std::io::Error) -> HomeFailure {
    move |cause| match cause.kind() {
        std::io::ErrorKind::InvalidData => damaged(path, &cause.to_string()),
        _ => file(path)(cause),
    }
}

fn damaged(path: &Path, cause: &str) -> HomeFailure {
    HomeFailure::Damaged { path: path.display().to_string(), cause: cause.to_owned() }
}
