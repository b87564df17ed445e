//! A disk that the kernel marked as damaged, and what a later power cut may cost on it.

use std::fs::File;
use std::io::Write;

use blackout::Ext4;
use rustix::fs::statvfs;

const BYTES: u64 = 32 << 20;

fn room(disk: &Ext4) -> u64 {
    statvfs(disk.path()).expect("a mounted disk tells its room").f_bavail
}

#[test]
fn what_was_removed_before_a_power_cut_leaves_its_room_also_on_a_disk_that_was_in_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = Ext4::new(dir.path(), BYTES).unwrap();
    disk.stop_writing().unwrap();
    File::create(disk.path().join("more")).unwrap_err();
    disk.repower().unwrap();

    let before = room(&disk);
    let path = disk.path().join("filler");
    let mut filler = File::create(&path).unwrap();
    filler.write_all(&vec![1; BYTES as usize / 2]).unwrap();
    filler.sync_all().unwrap();
    std::fs::remove_file(&path).unwrap();
    File::open(disk.path()).unwrap().sync_all().unwrap();
    disk.cut().unwrap();
    drop(filler);
    disk.repower().unwrap();
    assert_eq!(room(&disk), before);
}
