//! Serves forgetful disks to the kernel, so that a store uses them like any other file system.
//!
//! One mount holds many disks, each a directory at its top: a disk whose power was cut stays as it is, dark, and
//! what outlived the cut is a new one beside it. Nothing is cached in the kernel.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};
use rand::rngs::StdRng;
use rustix::mount::{UnmountFlags, unmount};
use tempfile::TempDir;

use crate::disk::{Change, Disk, File, Id, Names, Nature, Node, ROOT};
use crate::tear;

/// The kernel asks about everything each time: a cut is seen at once.
const NO_CACHE: Duration = Duration::ZERO;
/// A node of a disk, as the kernel knows it: the number of the disk, then its own.
const ID_BITS: u32 = 32;

/// What mounts are called, before the number of their process.
const NAME: &str = "forgetful-";

/// Where forgetful disks are mounted; unmounted when dropped.
pub struct Mount {
    session: Option<BackgroundSession>,
    host: Arc<Host>,
    dir: TempDir,
}

/// One forgetful disk.
pub struct ForgetfulDisk {
    host: Arc<Host>,
    number: u64,
    path: PathBuf,
}

impl Mount {
    /// Mounts; the error says what is missing.
    pub fn new() -> Result<Mount, String> {
        let dir =
            tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
        remove_orphans();
        let host = Arc::new(Host::default());
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(format!("{NAME}{}", std::process::id()))];
        config.n_threads = Some(2);
        let session =
            fuser::spawn_mount(Served(host.clone()), dir.path(), &config).map_err(|error| {
                format!("a FUSE file system cannot be mounted (needs root and /dev/fuse): {error}")
            })?;
        Ok(Mount { session: Some(session), host, dir })
    }

    /// An empty disk.
    pub fn disk(&self, nature: Nature) -> ForgetfulDisk {
        let number = self.host.add(Disk::new(nature));
        ForgetfulDisk { host: self.host.clone(), number, path: self.path_of(number) }
    }

    /// What is found of a disk when its power is back.
    pub fn survivor(
        &self,
        disk: ForgetfulDisk,
        random: &mut StdRng,
        nature: Nature,
    ) -> ForgetfulDisk {
        let held = disk.held();
        lock(&held).dark = true;
        let before = lock(&held).clone();
        drop(disk);
        let number = self.host.add(tear::survivor(before, random, nature));
        ForgetfulDisk { host: self.host.clone(), number, path: self.path_of(number) }
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.dir.path().join(number.to_string())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Whoever still has a file open gets errors from then on.
        let unmounted = unmount(self.dir.path(), UnmountFlags::DETACH);
        if unmounted.is_ok()
            && let Some(session) = self.session.take()
        {
            // It ends with the last open file; nobody waits for that.
            drop(session);
        }
    }
}

impl ForgetfulDisk {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its power is off.
    pub fn is_dark(&self) -> bool {
        lock(&self.held()).dark
    }

    fn held(&self) -> Arc<Mutex<Disk>> {
        self.host.disk(self.number).expect("a disk lives as long as its handle")
    }
}

impl Drop for ForgetfulDisk {
    fn drop(&mut self) {
        self.host.disks.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// Unmounts what processes left that were killed: a mount without its process answers nothing.
fn remove_orphans() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(path)) = (words.next(), words.next()) else { continue };
        let Some(process) = name.strip_prefix(NAME) else { continue };
        if !Path::new("/proc").join(process).exists() {
            // Somebody else may have been quicker.
            let _ = unmount(path, UnmountFlags::DETACH);
        }
    }
}

/// All disks of a mount, by number.
#[derive(Default)]
struct Host {
    disks: RwLock<BTreeMap<u64, Arc<Mutex<Disk>>>>,
    last: Mutex<u64>,
}

impl Host {
    fn add(&self, disk: Disk) -> u64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        disks.insert(*last, Arc::new(Mutex::new(disk)));
        *last
    }

    /// A disk that is gone answers like one without power.
    fn disk(&self, number: u64) -> Result<Arc<Mutex<Disk>>, Errno> {
        let disks = self.disks.read().unwrap_or_else(PoisonError::into_inner);
        disks.get(&number).cloned().ok_or(Errno::EIO)
    }

    fn on<T>(
        &self,
        ino: INodeNo,
        work: impl FnOnce(&mut Disk, Id) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let disk = self.disk(ino.0 >> ID_BITS)?;
        work(&mut lock(&disk), ino.0 & ((1 << ID_BITS) - 1))
    }

    fn find(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        if parent == INodeNo::ROOT {
            let number = name.to_str().and_then(|name| name.parse().ok()).ok_or(Errno::ENOENT)?;
            return self.attr(inode(number, ROOT));
        }
        let id = self.on(parent, |disk, dir| disk.find(dir, name))?;
        self.attr(inode(parent.0 >> ID_BITS, id))
    }

    fn attr(&self, ino: INodeNo) -> Result<FileAttr, Errno> {
        if ino == INodeNo::ROOT {
            return Ok(attr(ino, None));
        }
        self.on(ino, |disk, id| {
            Ok(match disk.node(id)? {
                Node::Dir(_) => attr(ino, None),
                Node::File(file) => attr(ino, Some(file.now.len() as u64)),
            })
        })
    }

    fn create(&self, parent: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, Errno> {
        let id = self.on(parent, |disk, dir| disk.create(dir, name, node))?;
        self.attr(inode(parent.0 >> ID_BITS, id))
    }
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inode(disk: u64, id: Id) -> INodeNo {
    INodeNo(disk << ID_BITS | id)
}

fn attr(ino: INodeNo, bytes: Option<u64>) -> FileAttr {
    let then = SystemTime::UNIX_EPOCH;
    let (kind, perm) = match bytes {
        Some(_) => (FileType::RegularFile, 0o600),
        None => (FileType::Directory, 0o700),
    };
    let size = bytes.unwrap_or_default();
    FileAttr {
        ino,
        size,
        blocks: size.div_ceil(512),
        atime: then,
        mtime: then,
        ctime: then,
        crtime: then,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// The disks as the kernel asks for them.
struct Served(Arc<Host>);

impl Served {
    fn entry(result: Result<FileAttr, Errno>, reply: ReplyEntry) {
        match result {
            Ok(attr) => reply.entry(&NO_CACHE, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn empty(result: Result<(), Errno>, reply: ReplyEmpty) {
        match result {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        Served::entry(self.0.find(parent, name), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.attr(ino) {
            Ok(attr) => reply.attr(&NO_CACHE, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = match size {
            Some(bytes) => self.0.on(ino, |disk, id| disk.change(id, Change::Length(bytes))),
            None => Ok(()),
        };
        match changed.and_then(|()| self.0.attr(ino)) {
            Ok(attr) => reply.attr(&NO_CACHE, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        Served::entry(self.0.create(parent, name, Node::Dir(Names::default())), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.0.create(parent, name, Node::File(File::default())) {
            Ok(attr) => {
                let direct = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&NO_CACHE, &attr, Generation(0), FileHandle(0), direct);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        Served::empty(self.0.on(parent, |disk, dir| disk.remove(dir, name)), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        Served::empty(self.0.on(parent, |disk, dir| disk.remove(dir, name)), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let target = newparent.0 & ((1 << ID_BITS) - 1);
        let renamed = self.0.on(parent, |disk, dir| disk.rename((dir, name), (target, newname)));
        Served::empty(renamed, reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.0.attr(ino) {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.0.on(ino, |disk, id| match disk.node(id)? {
            Node::Dir(_) => Err(Errno::EISDIR),
            Node::File(file) => {
                let begin = (offset as usize).min(file.now.len());
                let end = (begin + size as usize).min(file.now.len());
                Ok(file.now[begin..end].to_vec())
            }
        });
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let change = Change::Bytes { at: offset, bytes: data.to_vec() };
        match self.0.on(ino, |disk, id| disk.change(id, change)) {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Asked for when a file is closed; it promises nothing. Once it is known not to exist the kernel does not
        // ask again, and a process that ends with files open does not wait for an answer of its own.
        reply.error(Errno::ENOSYS);
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _data: bool, reply: ReplyEmpty) {
        Served::empty(self.0.on(ino, Disk::sync), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _data: bool, reply: ReplyEmpty) {
        Served::empty(self.0.on(ino, Disk::sync), reply);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        _mode: i32,
        reply: ReplyEmpty,
    ) {
        let grown = self.0.on(ino, |disk, id| {
            let Node::File(file) = disk.node(id)? else { return Err(Errno::EISDIR) };
            match file.now.len() as u64 >= offset + length {
                true => Ok(()),
                false => disk.change(id, Change::Length(offset + length)),
            }
        });
        Served::empty(grown, reply);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.0.on(ino, |disk, id| {
            let Node::Dir(names) = disk.node(id)? else { return Err(Errno::ENOTDIR) };
            let kind = |id| match disk.nodes.get(&id) {
                Some(Node::Dir(_)) => FileType::Directory,
                _ => FileType::RegularFile,
            };
            Ok(names
                .now
                .iter()
                .map(|(name, id)| (*id, kind(*id), name.clone()))
                .collect::<Vec<_>>())
        });
        match listed {
            Err(errno) => reply.error(errno),
            Ok(listed) => {
                let from = listed.into_iter().enumerate().skip(offset as usize);
                for (at, (id, kind, name)) in from {
                    if reply.add(inode(ino.0 >> ID_BITS, id), at as u64 + 1, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
        }
    }
}
