//! A tar archive, compressed, made file by file: what is finished can be taken away while the next is still to come.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Size of a tar archive's blocks.
const BLOCK: usize = 512;
/// Longest name of a file in the archive.
const NAME_MAX: usize = 100;

/// An archive being made.
pub(super) struct Archive {
    gzip: GzEncoder<Vec<u8>>,
    /// When its files were made, as the archive says: seconds since 1970.
    made_at_s: u64,
}

impl Archive {
    pub(super) fn new(made_at_s: u64) -> Self {
        Self { gzip: GzEncoder::new(Vec::new(), Compression::fast()), made_at_s }
    }

    /// Adds a file. Its name is of ASCII letters and fits: names are made by [`slug`] and by us.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.gzip.write_all(&header(name, content.len() as u64, self.made_at_s))?;
        self.gzip.write_all(content)?;
        self.gzip.write_all(&[0; BLOCK][..padding(content.len())])
    }

    /// What is finished of the compressed archive.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(self.gzip.get_mut()).into()
    }

    /// The end of it.
    pub(super) fn finish(mut self) -> io::Result<Bytes> {
        self.gzip.write_all(&[0; 2 * BLOCK])?;
        Ok(self.gzip.finish()?.into())
    }
}

fn padding(length: usize) -> usize {
    (BLOCK - length % BLOCK) % BLOCK
}

/// The block before a file: POSIX ustar.
fn header(name: &str, length: u64, made_at_s: u64) -> [u8; BLOCK] {
    assert!(name.is_ascii() && name.len() <= NAME_MAX, "names are made here");
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{length:011o}\0"));
    put(136, &format!("{made_at_s:011o}\0"));
    // The checksum is made as if blanks stood in its place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A text as part of a file's name, everywhere: ASCII letters, digits, `.`, `_` and `-`, at most 40 of them.
pub(super) fn slug(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let letters = text.chars().map(|letter| if plain(letter) { letter } else { '-' });
    let slug: String = letters.take(40).collect();
    match slug.trim_start_matches(['.', '-']) {
        "" => "km".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tar ends by itself")]
    fn the_tar_of_the_system_reads_what_was_made_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let long: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut archive = Archive::new(1_800_000_000);
        let mut bytes = Vec::new();
        for (name, content) in [("a/empty", &b""[..]), ("a/block", &[7; 512]), ("a/long", &long)] {
            archive.add(name, content).unwrap();
            bytes.extend(archive.take());
        }
        bytes.extend(archive.finish().unwrap());
        let mut tar = Command::new("tar")
            .args(["-xzf", "-", "-C"])
            .arg(dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&bytes).unwrap();
        assert!(tar.wait().unwrap().success());
        assert_eq!(std::fs::read(dir.path().join("a/empty")).unwrap(), b"");
        assert_eq!(std::fs::read(dir.path().join("a/block")).unwrap(), [7; 512]);
        assert_eq!(std::fs::read(dir.path().join("a/long")).unwrap(), long);
    }

    #[test]
    fn any_name_of_a_host_becomes_a_part_of_a_file_s_name() {
        assert_eq!(slug("Blue Ä/1"), "Blue---1");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("ÄÖÜ"), "km");
        assert_eq!(slug(&"x".repeat(99)).len(), 40);
    }
}
