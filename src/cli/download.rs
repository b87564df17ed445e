//! Files that Managers make for whoever asks: taken as they come, kept whole or not at all.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::client::Client;
use super::outcome::Failure;
use super::output::Output;

/// Most files of one name, told apart by a number.
const SAME_NAME_MAX: u32 = 1_000;

/// Takes what is at a path into a file: the one named, or one in the folder named, under the name the Manager gave.
pub async fn download(
    client: &Client,
    path: &str,
    query: &[(&str, String)],
    out: Option<PathBuf>,
    output: Output,
) -> Result<(), Failure> {
    let mut response = client.open(path, query).await?;
    let named = response.headers().get("content-disposition").and_then(|value| value.to_str().ok());
    let name = named.and_then(file_name).unwrap_or("km-download.tar.gz").to_owned();
    let (file, half) = match out {
        None => free(Path::new(""), &name)?,
        Some(out) if out.is_dir() => free(&out, &name)?,
        // Whoever names a file means that one, whatever it holds.
        Some(out) => (out.clone(), half_of(&out)),
    };
    let taken = take(&mut response, &half).await;
    let bytes = match taken {
        Ok(bytes) => bytes,
        Err(failure) => {
            // Half a file is of no use. It may never have come about.
            drop(std::fs::remove_file(&half));
            return Err(failure);
        }
    };
    std::fs::rename(&half, &file).map_err(Failure::local(file.display()))?;
    let told = json!({ "file": file.display().to_string(), "bytes": bytes });
    output.done(&format!("{} ({bytes} bytes)", file.display()), &told);
    Ok(())
}

async fn take(response: &mut reqwest::Response, half: &Path) -> Result<u64, Failure> {
    let file = tokio::fs::File::create(half).await.map_err(Failure::local(half.display()))?;
    let mut file = tokio::io::BufWriter::new(file);
    let mut bytes = 0;
    loop {
        let piece = response.chunk().await;
        let piece =
            piece.map_err(|error| Failure::Unavailable(format!("it broke off: {error}")))?;
        let Some(piece) = piece else { break };
        bytes += piece.len() as u64;
        file.write_all(&piece).await.map_err(Failure::local(half.display()))?;
    }
    file.flush().await.map_err(Failure::local(half.display()))?;
    Ok(bytes)
}

/// A file of that name in a folder, and the half of it that is written first. What lies there stays, and so does what
/// somebody else is writing just now: then it is `name-2.tar.gz`, and so on.
fn free(folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), Failure> {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let numbered = (2..=SAME_NAME_MAX).map(|number| format!("{stem}-{number}.{ending}"));
    for name in std::iter::once(name.to_owned()).chain(numbered) {
        let file = folder.join(name);
        let half = half_of(&file);
        if file.exists() {
            continue;
        }
        match std::fs::File::create_new(&half) {
            Ok(_) => return Ok((file, half)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::local(half.display())(error)),
        }
    }
    Err(Failure::Refused(format!(
        "{SAME_NAME_MAX} files are called {name} already: give another with --out"
    )))
}

fn half_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The name in a `Content-Disposition`, if it is one: a server does not choose where a file goes.
fn file_name(disposition: &str) -> Option<&str> {
    let (_, rest) = disposition.split_once("filename=\"")?;
    let (name, _) = rest.split_once('"')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (name.bytes().all(plain) && !name.starts_with('.') && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_names_a_file_and_no_place() {
        assert_eq!(
            file_name("attachment; filename=\"km-logs-a.tar.gz\""),
            Some("km-logs-a.tar.gz")
        );
        for bad in [
            "attachment",
            "x; filename=\"../a\"",
            "x; filename=\"/a\"",
            "x; filename=\"\"",
            "x; filename=\".a\"",
        ] {
            assert_eq!(file_name(bad), None, "{bad}");
        }
        assert_eq!(half_of(Path::new("/a/b.gz")), Path::new("/a/b.gz.part"));
    }

    #[test]
    fn what_was_taken_before_stays_and_so_does_what_is_being_taken() {
        let folder = tempfile::tempdir().unwrap();
        let next = || {
            let (file, half) = free(folder.path(), "km-logs-a.tar.gz").unwrap();
            (file.file_name().unwrap().to_str().unwrap().to_owned(), half)
        };
        let (first, half) = next();
        assert_eq!(first, "km-logs-a.tar.gz");
        assert_eq!(next().0, "km-logs-a-2.tar.gz", "the first is being written");
        std::fs::rename(half, folder.path().join(first)).unwrap();
        assert_eq!(next().0, "km-logs-a-3.tar.gz");
    }
}
