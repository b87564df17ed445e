//! Reads the branches that mean something: whole, or some znodes of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{self, StreamExt};
use tokio::task::yield_now;
use zookeeper_client::{Client, Error, Stat};

use crate::capabilities::services::model::{
    HIDES_ANY, PATH_MAX_BYTES, PAYLOAD_MAX_BYTES, Payload, Profile, SIGHTINGS_MAX, Sighted,
    TROUBLES_MAX,
};

/// Most reads under way at a time: enough for a quick first look, few enough for the server.
const AT_ONCE: usize = 32;
/// Most children of one znode that are listed: their names alone are megabytes then.
const CHILDREN_MAX: i32 = 20_000;
/// After so many names others have their turn: what speaks to the server is on the same thread, and is taken to be gone when
/// it is not heard.
const NAMES_AT_A_TIME: usize = 64;
/// Most znodes that are walked in one look.
const WALKED_MAX: usize = 100_000;

/// A look at everything that means something.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) seen: BTreeMap<String, Sighted>,
    pub(super) troubles: Troubles,
}

/// Everything that means something. When it is too much, what is shown already goes on being shown.
pub(super) async fn whole(
    client: &Client,
    profile: &Profile,
    shown: &BTreeSet<String>,
) -> Result<Whole, Error> {
    let (mut paths, troubles) = walk(client, profile).await?;
    paths.sort_by_cached_key(|path| !shown.contains(path));
    let mut whole = Whole { seen: BTreeMap::new(), troubles };
    let mut read = stream::iter(&paths).map(|path| one(client, profile, path)).buffered(AT_ONCE);
    while let Some(found) = read.next().await {
        let (path, sighted) = found?;
        let Some(sighted) = sighted else { continue };
        if whole.seen.len() >= SIGHTINGS_MAX {
            whole.troubles.everywhere(format!(
                "{HIDES_ANY} {SIGHTINGS_MAX} znodes look like services; the others are not seen"
            ));
            break;
        }
        whole.seen.insert(path, sighted);
    }
    Ok(whole)
}

/// Some znodes, as they are now.
pub(super) async fn some(
    client: &Client,
    profile: &Profile,
    paths: &BTreeSet<String>,
) -> Result<BTreeMap<String, Option<Sighted>>, Error> {
    let mut seen = BTreeMap::new();
    let mut read =
        stream::iter(paths).map(|path| one(client, profile, path)).buffer_unordered(AT_ONCE);
    while let Some(found) = read.next().await {
        let (path, sighted) = found?;
        seen.insert(path, sighted);
    }
    Ok(seen)
}

/// What cannot be seen, in bounded lists.
#[derive(Default)]
pub(super) struct Troubles {
    told: Vec<String>,
    /// The branches whose children are not listed.
    closed: BTreeSet<String>,
    /// Whether there may be more anywhere.
    more: bool,
}

impl Troubles {
    /// The sentences for it.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    /// Whether what becomes of a znode beneath is looked at with everything only. A branch may hold a million, and each
    /// of them may come and go.
    pub(super) fn hide(&self, path: &str) -> bool {
        self.more || above(path).any(|branch| self.closed.contains(branch))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    fn tell(&mut self, trouble: String) {
        if self.told.len() < TROUBLES_MAX && !self.told.contains(&trouble) {
            self.told.push(trouble);
        }
    }

    fn everywhere(&mut self, trouble: String) {
        self.more = true;
        self.tell(trouble);
    }

    fn close(&mut self, branch: &str, trouble: &str) {
        if self.closed.len() < TROUBLES_MAX {
            self.closed.insert(branch.to_owned());
        } else {
            self.more = true;
        }
        self.tell(format!("{branch} {trouble}"));
    }
}

/// The znodes above one.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(end, _)| &path[..end])
}

/// The paths that mean something, found from the top of each branch.
async fn walk(client: &Client, profile: &Profile) -> Result<(Vec<String>, Troubles), Error> {
    let (mut found, mut troubles) = (Vec::new(), Troubles::default());
    let mut ahead: VecDeque<String> = profile.bases().into();
    let mut walked = 0;
    while let Some(path) = ahead.pop_front() {
        walked += 1;
        if walked > WALKED_MAX {
            troubles
                .everywhere(format!("{HIDES_ANY} {WALKED_MAX} znodes; the others are not seen"));
            break;
        }
        if profile.rule(&path).is_some() {
            found.push(path.clone());
        }
        if !profile.leads_on(&path) {
            continue;
        }
        let names = children(client, &path, &mut troubles).await?;
        for (nth, child) in names.into_iter().enumerate() {
            if nth % NAMES_AT_A_TIME == 0 {
                yield_now().await;
            }
            let beneath = format!("{path}/{child}");
            if beneath.len() > PATH_MAX_BYTES {
                troubles.tell(format!("a name beneath {path} is too long"));
            } else if profile.leads_on(&beneath) || profile.rule(&beneath).is_some() {
                match profile.leads_on(&beneath) {
                    true => ahead.push_back(beneath),
                    false => found.push(beneath),
                }
            }
        }
    }
    Ok((found, troubles))
}

/// The children of a znode, in order. One that has too many, or that we may not see, is a trouble and has none.
async fn children(
    client: &Client,
    path: &str,
    troubles: &mut Troubles,
) -> Result<Vec<String>, Error> {
    let Some(stat) = client.check_stat(path).await? else { return Ok(Vec::new()) };
    if stat.num_children > CHILDREN_MAX {
        let many = stat.num_children;
        let trouble = format!("has {many} children; more than {CHILDREN_MAX} are not listed");
        troubles.close(path, &trouble);
        return Ok(Vec::new());
    }
    match client.list_children(path).await {
        Ok(mut children) => {
            children.sort();
            Ok(children)
        }
        Err(Error::NoNode) => Ok(Vec::new()),
        Err(Error::NoAuth) => {
            troubles.close(path, "has children that we may not list");
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// One znode; `None`: it is gone, or nothing to us. What it holds is read only when that is needed.
async fn one(
    client: &Client,
    profile: &Profile,
    path: &str,
) -> Result<(String, Option<Sighted>), Error> {
    let told = |stat: &Stat, payload: &[u8]| profile.read(path, stat.ephemeral_owner != 0, payload);
    let ignored = profile.rule(path).is_none_or(|rule| rule.payload == Payload::Ignored);
    let stat = client.check_stat(path).await?;
    let sighted = match stat {
        None => None,
        Some(stat) if ignored => told(&stat, &[]),
        Some(stat)
            if usize::try_from(stat.data_length).is_ok_and(|long| long > PAYLOAD_MAX_BYTES) =>
        {
            // As long as it is, without having been read.
            told(&stat, &vec![0; PAYLOAD_MAX_BYTES + 1])
        }
        Some(stat) => match client.get_data(path).await {
            Ok((payload, stat)) => told(&stat, &payload),
            Err(Error::NoNode) => None,
            Err(Error::NoAuth) => told(&stat, &[]).map(|sighted| Sighted {
                trouble: Some("we may not read its payload".into()),
                ..sighted
            }),
            Err(error) => return Err(error),
        },
    };
    Ok((path.to_owned(), sighted))
}
