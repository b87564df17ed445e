//! Trying from a member's host whether the repository of Kyvos services lets Kyvos Manager in.
//!
//! Only where is asked, and from which revision of the facts on: as whom and with which password is what the facts say at
//! the asked one, which opens the password itself.

use std::time::Duration;

use tokio::time::timeout;

use super::Group;
use super::frames::Kind;
use super::wire::{self, SignInV1, SignedInV1};
use crate::base::text::cut;
use crate::base::{ManagerId, Revision};
use crate::capabilities::managers::model::Role;
use crate::capabilities::prechecks::plan::Answer;
use crate::capabilities::prechecks::port::sign_in_here;

/// Longest time the asked one may need to come to know the facts it is asked about.
const FACTS_WAIT: Duration = Duration::from_secs(3);
/// Longest time until it answers: after the facts comes the sign-in, which has its own end.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest address, in bytes.
const ADDRESS_MAX_BYTES: usize = 512;
/// Longest text of an answer, in bytes.
const SAID_MAX_BYTES: usize = 400;

impl Group {
    /// Has a member sign in at the repository and out again; `Err`: it did not try.
    pub async fn sign_in_from(&self, by: ManagerId, address: &str) -> Result<Answer, String> {
        let revision = self.applied().borrow().0;
        let ask = SignInV1 { revision, address: address.to_owned() };
        if by == self.here() {
            return self.sign_in_for_peer(ask).await.map(answered);
        }
        let peer = self.core.peers.get(by.0);
        let told = peer.ask_aside(Kind::SignIn, wire::encode(&ask), Kind::SignedIn, DEADLINE).await;
        told.map(answered).map_err(|failure| failure.to_string())
    }

    /// What is answered to a peer that asks to try it.
    pub(super) async fn sign_in_for_peer(&self, ask: SignInV1) -> Result<SignedInV1, String> {
        let SignInV1 { revision, address } = ask;
        if address.len() > ADDRESS_MAX_BYTES {
            return Err(format!("an address has at most {ADDRESS_MAX_BYTES} bytes"));
        }
        if self.role() == Role::Witness {
            return Err("it is a witness, which has no key that opens a password".to_owned());
        }
        let mut applied = self.applied();
        let becomes_known = applied.wait_for(|applied| *applied >= Revision(revision));
        let known = timeout(FACTS_WAIT, becomes_known).await.is_ok_and(|known| known.is_ok());
        if !known {
            return Err(format!(
                "it does not know the facts as they are at revision {revision} yet"
            ));
        }
        Ok(told(sign_in_here(self, &address).await))
    }
}

fn told(answer: Answer) -> SignedInV1 {
    match answer {
        Answer::Good(said) => SignedInV1::In(said),
        Answer::Denied(why) => SignedInV1::Denied(why),
        Answer::Bad(why) => SignedInV1::Bad(why),
        Answer::Silent(why) | Answer::Unasked(why) => SignedInV1::Silent(why),
    }
}

fn answered(told: SignedInV1) -> Answer {
    let short = |said: String| cut(&said, SAID_MAX_BYTES);
    match told {
        SignedInV1::In(said) => Answer::Good(short(said)),
        SignedInV1::Denied(why) => Answer::Denied(short(why)),
        SignedInV1::Bad(why) => Answer::Bad(short(why)),
        SignedInV1::Silent(why) => Answer::Silent(short(why)),
    }
}
