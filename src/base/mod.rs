//! Words everybody shares: ids, the refusal, the secret, the time. No behaviour beyond checking their own shape.

mod ids;
mod refusal;
mod secret;
mod sha256;
pub mod text;
mod time;

pub use ids::{Digest, Epoch, HostId, ManagerId, RequestId, RequestIdError, Revision, Term};
pub use refusal::{Code, Refusal};
pub use secret::Secret;
pub use sha256::Sha256;
pub use time::Timestamp;
