//! Reads the branches that mean something: whole, or some znodes of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{self, StreamExt};
use zookeeper_client::{Client, Error, Stat};

use crate::capabilities::services::model::{
    PATH_MAX_BYTES, PAYLOAD_MAX_BYTES, Payload, Profile, SIGHTINGS_MAX, Sighted, TROUBLES_MAX,
};
use crate::capabilities::services::port::News;

/// Most reads under way at a time: enough for a quick first look, few enough for the server.
const AT_ONCE: usize = 32;
/// Most children of one znode that are listed: their names alone are megabytes then.
const CHILDREN_MAX: i32 = 20_000;
/// Most znodes that are walked in one look.
const WALKED_MAX: usize = 100_000;

/// Everything that means something.
pub(super) async fn whole(client: &Client, profile: &Profile) -> Result<News, Error> {
    let (paths, mut troubles) = walk(client, profile).await?;
    let mut seen = BTreeMap::new();
    let mut read =
        stream::iter(&paths).map(|path| one(client, profile, path)).buffer_unordered(AT_ONCE);
    while let Some(found) = read.next().await {
        let (path, sighted) = found?;
        let Some(sighted) = sighted else { continue };
        if seen.len() >= SIGHTINGS_MAX {
            troubles.tell(format!(
                "more than {SIGHTINGS_MAX} znodes look like services; the others are not seen"
            ));
            break;
        }
        seen.insert(path, sighted);
    }
    Ok(News::Whole { seen, troubles: troubles.0 })
}

/// Some znodes, as they are now.
pub(super) async fn some(
    client: &Client,
    profile: &Profile,
    paths: &BTreeSet<String>,
) -> Result<News, Error> {
    let mut seen = BTreeMap::new();
    let mut read =
        stream::iter(paths).map(|path| one(client, profile, path)).buffer_unordered(AT_ONCE);
    while let Some(found) = read.next().await {
        let (path, sighted) = found?;
        seen.insert(path, sighted);
    }
    Ok(News::Some(seen))
}

/// What cannot be seen, in a bounded list.
#[derive(Default)]
struct Troubles(Vec<String>);

impl Troubles {
    fn tell(&mut self, trouble: String) {
        if self.0.len() < TROUBLES_MAX && !self.0.contains(&trouble) {
            self.0.push(trouble);
        }
    }
}

/// The paths that mean something, found from the top of each branch.
async fn walk(client: &Client, profile: &Profile) -> Result<(Vec<String>, Troubles), Error> {
    let (mut found, mut troubles) = (Vec::new(), Troubles::default());
    let mut ahead: VecDeque<String> = profile.bases().into();
    let mut walked = 0;
    while let Some(path) = ahead.pop_front() {
        walked += 1;
        if walked > WALKED_MAX {
            troubles.tell(format!("more than {WALKED_MAX} znodes; the others are not seen"));
            break;
        }
        if profile.rule(&path).is_some() {
            found.push(path.clone());
        }
        if !profile.leads_on(&path) {
            continue;
        }
        for child in children(client, &path, &mut troubles).await? {
            let beneath = format!("{path}/{child}");
            if beneath.len() > PATH_MAX_BYTES {
                troubles.tell(format!("{path} has a child whose name is too long"));
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
        troubles
            .tell(format!("{path} has {many} children; more than {CHILDREN_MAX} are not listed"));
        return Ok(Vec::new());
    }
    match client.list_children(path).await {
        Ok(mut children) => {
            children.sort();
            Ok(children)
        }
        Err(Error::NoNode) => Ok(Vec::new()),
        Err(Error::NoAuth) => {
            troubles.tell(format!("we may not list the children of {path}"));
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
