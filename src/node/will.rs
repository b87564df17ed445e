//! Starts the process that keeps a Manager's last will, and is that process.
//!
//! What ties the two together is a pipe: its writing end is held by the Manager's process alone and never let go,
//! so that its end is the end of that process and nothing less.

#![expect(
    clippy::disallowed_methods,
    reason = "a keeper is to outlive the Manager by a moment; it ends by itself when the pipe does"
)]

use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli::outcome::Failure;
use crate::cluster::{Group, Heard, Home, Instructions, Keeper};

/// How often is looked whether the members changed, and whether the keeper lives.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// What was heard and not yet followed.
const WORDS: usize = 4;

/// Has a keeper at work while there is anybody to tell, until dropped.
pub(super) async fn have_kept(group: Group, data_dir: std::path::PathBuf) {
    let mut keeper: Option<Process> = None;
    loop {
        let instructions = group.instructions();
        if keeper.as_mut().is_some_and(Process::has_ended) {
            tracing::warn!("the keeper of the last will ended; another one is started");
            keeper = None;
        }
        if keeper.is_none() && instructions.needs_keeper() {
            keeper = Process::start(&data_dir).map_err(|failure| tracing::warn!(%failure)).ok();
        }
        let kept = match &mut keeper {
            Some(keeper) => keeper.tell(&instructions),
            None => false,
        };
        group.will_is_kept(kept);
        tokio::time::sleep(LOOK_PERIOD).await;
    }
}

/// A running keeper, seen from its Manager.
struct Process {
    child: Child,
    /// Never closed but by the end of this process: its closing is the sign of that.
    pipe: &'static mut std::process::ChildStdin,
    told: Option<Instructions>,
}

impl Process {
    fn start(data_dir: &Path) -> Result<Self, Failure> {
        let mut child = Command::new("/proc/self/exe")
            .arg0("km")
            .arg("keep-will")
            .arg(data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Failure::local("start the keeper of the last will"))?;
        let pipe = child.stdin.take().expect("it was asked for");
        Ok(Self { child, pipe: Box::leak(Box::new(pipe)), told: None })
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether the keeper knows what to do. A few hundred bytes fit into the pipe, whatever the keeper does.
    fn tell(&mut self, instructions: &Instructions) -> bool {
        if self.told.as_ref() == Some(instructions) {
            return true;
        }
        let line = serde_json::to_string(instructions).expect("plain data") + "\n";
        let told = self.pipe.write_all(line.as_bytes()).is_ok();
        self.told = told.then(|| instructions.clone());
        told
    }
}

/// Keeps the will of the Manager whose standard output this process reads, to the end.
pub async fn keep_will(data_dir: &Path) -> Result<(), Failure> {
    let keeper = Keeper::new(Home::at(data_dir));
    let keeper = keeper.map_err(|failure| Failure::Refused(failure.to_string()))?;
    // Whoever stops the Manager's whole service means the Manager; this process ends after it.
    let ignored = signal(SignalKind::terminate()).and_then(|terminate| {
        Ok((terminate, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?))
    });
    let _ignored = ignored.map_err(Failure::local("listen for signals"))?;
    let (words, heard) = mpsc::channel(WORDS);
    // A thread of its own: reading standard input cannot be given up, and must not keep the process from ending.
    std::thread::spawn(move || listen(&mut std::io::stdin().lock(), &words));
    keeper.keep(heard).await;
    Ok(())
}

/// Passes on what the Manager says. Only the true end of the pipe is its death; anything that is not understood
/// ends the listening without a word.
fn listen(pipe: &mut impl BufRead, words: &mpsc::Sender<Heard>) {
    loop {
        let mut line = String::new();
        let word = match pipe.read_line(&mut line) {
            // A line without its end is one the Manager died over.
            Ok(_) if !line.ends_with('\n') => Heard::Gone,
            Ok(_) => match serde_json::from_str(&line) {
                Ok(instructions) => Heard::Instructions(instructions),
                Err(_) => return,
            },
            Err(_) => return,
        };
        let gone = matches!(word, Heard::Gone);
        if words.blocking_send(word).is_err() || gone {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(said: &'static [u8]) -> Vec<&'static str> {
        let (words, mut heard) = mpsc::channel(WORDS);
        listen(&mut std::io::Cursor::new(said), &words);
        drop(words);
        std::iter::from_fn(|| heard.blocking_recv())
            .map(|word| match word {
                Heard::Instructions(_) => "instructions",
                Heard::Gone => "gone",
            })
            .collect()
    }

    const LINE: &str = concat!(
        r#"{"secret":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"#,
        r#""heirs":[[5,"127.0.0.1:8541"]]}"#,
        "\n"
    );

    #[test]
    fn only_the_end_of_the_pipe_is_a_death() {
        assert_eq!(heard(b""), ["gone"]);
        assert_eq!(heard(LINE.as_bytes()), ["instructions", "gone"]);
        assert_eq!(heard(&LINE.as_bytes()[..20]), ["gone"]);
        assert!(heard(b"what\n").is_empty());
        assert!(heard(b"\xff\xff\n").is_empty());
    }
}
