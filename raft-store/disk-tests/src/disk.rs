//! A disk that forgets: what was written and not flushed is lost, in part or whole, when its power is cut.
//!
//! Contents are flushed file by file and names directory by directory, as POSIX promises and no more: a flushed
//! file whose name was not flushed is gone. It knows no store and no kernel: `mount` serves it, `tear` decides
//! what outlives a cut.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use fuser::Errno;

/// A file or directory of one disk.
pub(crate) type Id = u64;
pub(crate) const ROOT: Id = 1;

/// When the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// When somebody does it.
    Never,
    /// Just before the n-th flush of a file or directory has an effect.
    BeforeSync(u64),
    /// Just after the n-th flush had its effect, before whoever asked is told.
    AfterSync(u64),
    /// In the middle of the n-th change: of contents, of a length, of a name.
    InChange(u64),
}

/// Which flushes a disk only pretends to make: how a store behaves that forgets to ask for them.
pub type Deaf = fn(name: &str, is_dir: bool) -> bool;

/// How a disk behaves.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    /// When its power is cut.
    pub cut: Cut,
    /// What it does not flush.
    pub deaf: Deaf,
}

impl Nature {
    /// An honest disk whose power is cut then.
    pub fn honest(cut: Cut) -> Nature {
        Nature { cut, deaf: |_, _| false }
    }
}

/// A change of a file's content that was not flushed.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Bytes { at: u64, bytes: Vec<u8> },
    Length(u64),
}

/// A file: as processes see it, as it is on the device, and how it came from one to the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) now: Vec<u8>,
    pub(crate) durable: Vec<u8>,
    pub(crate) unflushed: Vec<Change>,
    /// The last name it had, for [`Deaf`].
    name: String,
}

/// A directory, likewise; its changes are in the disk's list, because a move touches two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) now: BTreeMap<OsString, Id>,
    pub(crate) durable: BTreeMap<OsString, Id>,
    name: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    File(File),
    Dir(Names),
}

/// Where a name stands.
pub(crate) type Place = (Id, OsString);

/// A change of names that was not flushed. A move is one change: every file system with a journal sees to that.
#[derive(Clone, Debug)]
pub(crate) struct Renaming {
    pub(crate) id: Id,
    pub(crate) from: Option<Place>,
    pub(crate) to: Option<Place>,
}

impl Renaming {
    fn touches(&self, dir: Id) -> bool {
        [&self.from, &self.to].into_iter().flatten().any(|(in_dir, _)| *in_dir == dir)
    }
}

/// One disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) nodes: BTreeMap<Id, Node>,
    pub(crate) unflushed: Vec<Renaming>,
    next: Id,
    nature: Nature,
    pub(crate) syncs: u64,
    pub(crate) changes: u64,
    /// The power is off: nothing is answered any more.
    pub(crate) dark: bool,
}

type Done<T> = Result<T, Errno>;

impl Disk {
    pub(crate) fn new(nature: Nature) -> Disk {
        let nodes = BTreeMap::from([(ROOT, Node::Dir(Names::default()))]);
        Disk::with(nodes, nature)
    }

    /// A disk with these files, all of them flushed.
    pub(crate) fn with(nodes: BTreeMap<Id, Node>, nature: Nature) -> Disk {
        let next = nodes.keys().max().map_or(ROOT, |last| last + 1);
        Disk { nodes, unflushed: Vec::new(), next, nature, syncs: 0, changes: 0, dark: false }
    }

    pub(crate) fn node(&self, id: Id) -> Done<&Node> {
        if self.dark {
            return Err(Errno::EIO);
        }
        self.nodes.get(&id).ok_or(Errno::ENOENT)
    }

    pub(crate) fn find(&self, dir: Id, name: &OsStr) -> Done<Id> {
        match self.node(dir)? {
            Node::Dir(names) => names.now.get(name).copied().ok_or(Errno::ENOENT),
            Node::File(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(crate) fn create(&mut self, dir: Id, name: &OsStr, mut node: Node) -> Done<Id> {
        if self.find(dir, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        node.rename(name);
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.change_names(Renaming { id, from: None, to: Some((dir, name.to_owned())) })?;
        Ok(id)
    }

    pub(crate) fn remove(&mut self, dir: Id, name: &OsStr) -> Done<()> {
        let id = self.find(dir, name)?;
        if let Node::Dir(names) = self.node(id)?
            && !names.now.is_empty()
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.change_names(Renaming { id, from: Some((dir, name.to_owned())), to: None })
    }

    pub(crate) fn rename(&mut self, from: (Id, &OsStr), to: (Id, &OsStr)) -> Done<()> {
        let id = self.find(from.0, from.1)?;
        if let Some(node) = self.nodes.get_mut(&id) {
            node.rename(to.1);
        }
        let own = |(dir, name): (Id, &OsStr)| Some((dir, name.to_owned()));
        self.change_names(Renaming { id, from: own(from), to: own(to) })
    }

    fn change_names(&mut self, renaming: Renaming) -> Done<()> {
        apply_names(&mut self.nodes, &renaming, |names| &mut names.now);
        self.unflushed.push(renaming);
        self.count_change()
    }

    pub(crate) fn change(&mut self, id: Id, change: Change) -> Done<()> {
        if self.dark {
            return Err(Errno::EIO);
        }
        let Some(Node::File(file)) = self.nodes.get_mut(&id) else { return Err(Errno::ENOENT) };
        apply_content(&mut file.now, &change);
        file.unflushed.push(change);
        self.count_change()
    }

    /// The change is made, as far as anybody can tell; what of it reached the device is decided by the cut.
    fn count_change(&mut self) -> Done<()> {
        self.changes += 1;
        self.dark |= self.nature.cut == Cut::InChange(self.changes);
        if self.dark { Err(Errno::EIO) } else { Ok(()) }
    }

    /// Flushes a file or a directory.
    pub(crate) fn sync(&mut self, id: Id) -> Done<()> {
        self.syncs += 1;
        self.dark |= self.nature.cut == Cut::BeforeSync(self.syncs);
        let deaf = match self.node(id)? {
            Node::File(file) => (self.nature.deaf)(&file.name, false),
            Node::Dir(names) => (self.nature.deaf)(&names.name, true),
        };
        if !deaf {
            self.flush(id);
        }
        self.dark |= self.nature.cut == Cut::AfterSync(self.syncs);
        if self.dark { Err(Errno::EIO) } else { Ok(()) }
    }

    fn flush(&mut self, id: Id) {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => {
                for change in file.unflushed.drain(..) {
                    apply_content(&mut file.durable, &change);
                }
            }
            Some(Node::Dir(_)) => self.flush_names(id),
            None => {}
        }
    }

    /// What touched the directory becomes durable, and with it what happened before to the same files.
    fn flush_names(&mut self, dir: Id) {
        let touched: Vec<Id> =
            self.unflushed.iter().filter(|it| it.touches(dir)).map(|it| it.id).collect();
        for renaming in self.unflushed.extract_if(.., |it| touched.contains(&it.id)) {
            apply_names(&mut self.nodes, &renaming, |names| &mut names.durable);
        }
    }
}

impl Node {
    fn rename(&mut self, name: &OsStr) {
        let name = name.to_string_lossy().into_owned();
        match self {
            Node::File(file) => file.name = name,
            Node::Dir(names) => names.name = name,
        }
    }
}

/// Does to one side of the directories what the renaming says.
pub(crate) fn apply_names(
    nodes: &mut BTreeMap<Id, Node>,
    renaming: &Renaming,
    side: impl Fn(&mut Names) -> &mut BTreeMap<OsString, Id>,
) {
    if let Some((dir, name)) = &renaming.from
        && let Some(Node::Dir(names)) = nodes.get_mut(dir)
        && side(names).get(name) == Some(&renaming.id)
    {
        side(names).remove(name);
    }
    if let Some((dir, name)) = &renaming.to
        && let Some(Node::Dir(names)) = nodes.get_mut(dir)
    {
        side(names).insert(name.clone(), renaming.id);
    }
}

/// Does to a content what the change says.
pub(crate) fn apply_content(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(bytes) => content.resize(*bytes as usize, 0),
        Change::Bytes { at, bytes } => {
            let at = *at as usize;
            if content.len() < at + bytes.len() {
                content.resize(at + bytes.len(), 0);
            }
            content[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}
