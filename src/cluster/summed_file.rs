//! Small text files that notice when the disk gives them back changed: a checksum stands behind the text. A bit that turned in
//! a key or in a promise may leave something that reads as well as the truth.
//!
//! ```text
//!   TEXT
//!   blake3 FIRST-16-HEXADECIMAL-DIGITS-OF-ITS-HASH
//! ```

use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::private_file;

const SUM_DIGITS: usize = 16;

/// Puts a text at `path`, whole or not at all, for its owner alone.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let whole = Zeroizing::new(format!("{text}\n{}\n", sum_line(text)));
    private_file::write(path, whole.as_bytes())
}

/// The text that was put there. [`io::ErrorKind::InvalidData`]: it is not what was written.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let whole = Zeroizing::new(fs::read(path)?);
    let damaged =
        || io::Error::new(io::ErrorKind::InvalidData, "damaged: its checksum does not fit");
    text_of(&whole).map(|text| Zeroizing::new(text.to_owned())).ok_or_else(damaged)
}

fn text_of(whole: &[u8]) -> Option<&str> {
    let lines = std::str::from_utf8(whole).ok()?.strip_suffix('\n')?;
    let (text, sum) = lines.rsplit_once('\n')?;
    (sum == sum_line(text)).then_some(text)
}

fn sum_line(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("blake3 {}", &hash[..SUM_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_and_no_bit_of_its_file_may_turn_nor_its_end_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("role");
        write(&path, "manager").unwrap();
        assert_eq!(*read(&path).unwrap(), "manager");
        let whole = fs::read(&path).unwrap();
        let damaged = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path).is_err_and(|error| error.kind() == io::ErrorKind::InvalidData)
        };
        for at in 0..whole.len() {
            assert!(damaged(&whole[..at]), "cut at {at}");
            for bit in 0..8 {
                let mut turned = whole.clone();
                turned[at] ^= 1 << bit;
                assert!(damaged(&turned), "bit {bit} of byte {at}");
            }
        }
    }
}
