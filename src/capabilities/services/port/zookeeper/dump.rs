//! What a tree holds, for who writes a profile: shapes, and no words.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;
use zookeeper_client::{Client, Error, Stat};

use crate::capabilities::services::model::{DISCOVERED_MAX, Form, PATH_MAX_BYTES, Znode};
use crate::capabilities::services::plan::form;
use crate::capabilities::services::port::Dump;

/// Longest time for a look at a whole tree.
const DUMP_WAIT: Duration = Duration::from_secs(20);
/// Most children of one znode that are looked at: a folder of services shows its form in a few.
const SIBLINGS_MAX: usize = 50;
/// Most children of which even the names are asked for.
const CHILDREN_MAX: i32 = 20_000;
/// Longest payload that is looked at.
const PAYLOAD_MAX_BYTES: i32 = 64 << 10;
/// ZooKeeper's own branch.
const OWN: &str = "/zookeeper";

/// Walks the tree beneath `root`, breadth first, to its bounds.
pub(super) async fn dump(client: &Client, root: &str) -> Dump {
    let mut dump = Dump::default();
    match timeout(DUMP_WAIT, walk(client, root, &mut dump)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => dump.because = Some(format!("it ended early: {error}")),
        Err(_) => dump.because = Some(format!("it took longer than {} s", DUMP_WAIT.as_secs())),
    }
    dump
}

async fn walk(client: &Client, root: &str, dump: &mut Dump) -> Result<(), Error> {
    let mut ahead = VecDeque::from([root.to_owned()]);
    while let Some(path) = ahead.pop_front() {
        let Some(stat) = client.check_stat(&path).await? else { continue };
        if dump.znodes.len() >= DISCOVERED_MAX {
            dump.because = Some(format!("there are more than {DISCOVERED_MAX} znodes"));
            return Ok(());
        }
        dump.znodes.push(Znode {
            children: u32::try_from(stat.num_children).unwrap_or_default(),
            bytes: u32::try_from(stat.data_length).unwrap_or_default(),
            ephemeral: stat.ephemeral_owner != 0,
            form: looks(client, &path, &stat).await?,
            path: path.clone(),
        });
        if stat.num_children > CHILDREN_MAX {
            dump.because.get_or_insert(format!("{path} has {} children", stat.num_children));
            continue;
        }
        if stat.num_children == 0 {
            continue;
        }
        let mut children = match client.list_children(&path).await {
            Ok(children) => children,
            Err(Error::NoNode | Error::NoAuth) => continue,
            Err(error) => return Err(error),
        };
        children.sort();
        if children.len() > SIBLINGS_MAX {
            dump.because.get_or_insert(format!("only {SIBLINGS_MAX} children of {path} are shown"));
        }
        let above = path.trim_end_matches('/');
        let beneath = children.iter().take(SIBLINGS_MAX).map(|child| format!("{above}/{child}"));
        let plain =
            |path: &String| path.len() <= PATH_MAX_BYTES && !path.chars().any(char::is_control);
        ahead.extend(beneath.filter(plain).filter(|path| path != OWN || root == OWN));
    }
    Ok(())
}

async fn looks(client: &Client, path: &str, stat: &Stat) -> Result<Form, Error> {
    if stat.data_length > PAYLOAD_MAX_BYTES {
        return Ok(Form::Unread);
    }
    match client.get_data(path).await {
        Ok((payload, _)) => Ok(form(&payload)),
        Err(Error::NoNode | Error::NoAuth) => Ok(Form::Unread),
        Err(error) => Err(error),
    }
}
