//! What outlives a power cut: of all that was not flushed, some, none or all; torn at sectors; in any order.
//!
//! Only one thing is taken for granted of a device: a sector of 512 bytes is written whole or not at all.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::disk::{
    Change, Disk, File, Id, Nature, Node, ROOT, Renaming, apply_content, apply_names,
};

/// What a device writes whole or not at all.
const SECTOR: usize = 512;

/// What becomes of changes that were not flushed.
enum Fate {
    None,
    All,
    /// So many, and the next one in part.
    Some(usize),
    /// Each of them or not.
    Any,
    /// Each sector of each of them or not.
    AnySector,
}

impl Fate {
    fn draw(random: &mut StdRng, changes: usize) -> Fate {
        match random.random_range(0..5_u8) {
            0 => Fate::None,
            1 => Fate::All,
            2 => Fate::Some(random.random_range(0..=changes)),
            3 => Fate::Any,
            _ => Fate::AnySector,
        }
    }
}

/// The disk as it is found when the power is back.
pub(crate) fn survivor(disk: Disk, random: &mut StdRng, nature: Nature) -> Disk {
    let mut nodes = disk.nodes;
    for node in nodes.values_mut() {
        match node {
            Node::File(file) => tear_file(file, random),
            Node::Dir(names) => names.now.clear(),
        }
    }
    tear_names(&mut nodes, &disk.unflushed, random);
    let reached = reachable(&nodes);
    nodes.retain(|id, _| reached.contains(id));
    for node in nodes.values_mut() {
        match node {
            Node::File(file) => file.now.clone_from(&file.durable),
            Node::Dir(names) => names.now.clone_from(&names.durable),
        }
    }
    Disk::with(nodes, nature)
}

fn tear_file(file: &mut File, random: &mut StdRng) {
    let changes = std::mem::take(&mut file.unflushed);
    let fate = Fate::draw(random, changes.len());
    for (at, change) in changes.iter().enumerate() {
        match fate {
            Fate::None => {}
            Fate::All => apply_content(&mut file.durable, change),
            Fate::Some(whole) if at < whole => apply_content(&mut file.durable, change),
            Fate::Some(whole) if at == whole => apply_beginning(&mut file.durable, change, random),
            Fate::Some(_) => {}
            Fate::Any if random.random() => apply_content(&mut file.durable, change),
            Fate::Any => {}
            Fate::AnySector => apply_sectors(&mut file.durable, change, |_| random.random()),
        }
    }
}

/// The change up to one of its sectors.
fn apply_beginning(content: &mut Vec<u8>, change: &Change, random: &mut StdRng) {
    if let Change::Bytes { bytes, .. } = change {
        let cut = random.random_range(0..=bytes.len() / SECTOR + 1);
        apply_sectors(content, change, |sector| sector < cut);
    }
}

/// Those sectors of the change that are chosen, counted from its first.
fn apply_sectors(content: &mut Vec<u8>, change: &Change, mut chosen: impl FnMut(usize) -> bool) {
    let Change::Bytes { at, bytes } = change else { return apply_content(content, change) };
    let mut done = 0;
    let mut sector = 0;
    while done < bytes.len() {
        let begin = *at as usize + done;
        let end = (SECTOR - begin % SECTOR).min(bytes.len() - done) + done;
        if chosen(sector) {
            let piece = Change::Bytes { at: begin as u64, bytes: bytes[done..end].to_vec() };
            apply_content(content, &piece);
        }
        (done, sector) = (end, sector + 1);
    }
}

/// A renaming needs the name it begins with; without that it did not happen either.
fn tear_names(nodes: &mut BTreeMap<Id, Node>, changes: &[Renaming], random: &mut StdRng) {
    let fate = Fate::draw(random, changes.len());
    for (at, renaming) in changes.iter().enumerate() {
        let happened = match fate {
            Fate::None => false,
            Fate::All => true,
            Fate::Some(whole) => at < whole,
            Fate::Any | Fate::AnySector => random.random(),
        };
        if happened && begins_here(nodes, renaming) {
            apply_names(nodes, renaming, |names| &mut names.durable);
        }
    }
}

fn begins_here(nodes: &BTreeMap<Id, Node>, renaming: &Renaming) -> bool {
    let Some((dir, name)) = &renaming.from else { return true };
    matches!(nodes.get(dir), Some(Node::Dir(names)) if names.durable.get(name) == Some(&renaming.id))
}

fn reachable(nodes: &BTreeMap<Id, Node>) -> Vec<Id> {
    let mut found = vec![ROOT];
    let mut at = 0;
    while at < found.len() {
        if let Some(Node::Dir(names)) = nodes.get(&found[at]) {
            found.extend(names.durable.values());
        }
        at += 1;
    }
    found
}
