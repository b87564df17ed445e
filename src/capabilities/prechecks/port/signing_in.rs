//! Signing in at the repository from the host of each Manager.
//!
//! The Active asks a Manager to try; which user, which database and which password is its own configuration's matter, so
//! that no password travels between Managers.

use futures::future::BoxFuture;

use super::{FromHere, one_line};
use crate::base::{ManagerId, Secret};
use crate::capabilities::prechecks::plan::{self, Answer};
use crate::capabilities::properties::model::sealing_purpose;
use crate::capabilities::properties::schema::{File, REPOSITORY_PASSWORD};
use crate::cluster::Group;

/// The Managers, asked to try something from where they are.
pub trait Managers: Send + Sync {
    /// Has a Manager sign in at the repository at this address and out again.
    fn sign_in<'a>(&'a self, by: ManagerId, address: &'a str) -> BoxFuture<'a, Answer>;
}

impl Managers for Group {
    fn sign_in<'a>(&'a self, by: ManagerId, address: &'a str) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let tried = self.sign_in_from(by, address).await;
            tried.unwrap_or_else(|why| Answer::Unasked(one_line(&why)))
        })
    }
}

/// Signs in from here, as whom and with what the facts say. An address they do not name is not dialled.
pub async fn sign_in_here(group: &Group, address: &str) -> Answer {
    let (user, database) = match group.view(|state| plan::sign_in(state, address)) {
        Ok(login) => login,
        Err(why) => return Answer::Bad(why),
    };
    let here = FromHere::believing(None).signing_in(password(group));
    here.login(address, &user, &database).await
}

/// What the repository is signed in at with. Opened here and nowhere else, for as long as it is tried.
pub(in super::super) fn password(group: &Group) -> Result<Option<Secret>, String> {
    let Some(sealed) = group.view(|state| state.properties.sealed(REPOSITORY_PASSWORD)) else {
        return Ok(None);
    };
    let purpose = sealing_purpose(File::KyvosManager, REPOSITORY_PASSWORD);
    let opened = group.open_sealed(&purpose, &sealed);
    opened.map(Some).map_err(|failure| format!("REPOSITORY_PASSWORD does not open: {failure}"))
}
