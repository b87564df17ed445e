//! Whether load alone makes followers believe that their leader is gone: terms that began while 256 clients write.

use std::time::Duration;

use super::km::Km;
use super::link::{Link, What};
use super::load::closed_loop;
use super::row::Row;
use crate::Failure;

const CLIENTS: usize = 256;

/// How many terms began. Nobody is broken meanwhile, so there is no reason for any.
pub async fn elections(km: &Km, lasts: Duration) -> Result<Vec<Row>, Failure> {
    let active = km.active().await?;
    let before = term(km, active).await?;
    let mut links = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        links.push(Link::Https(Box::new(km.connect(active).await?)));
    }
    closed_loop(links, What::Write, lasts).await?;
    let began = term(km, active).await?.saturating_sub(before);
    Ok(vec![
        Row::new("km", "false elections, 256 clients", began as f64, ""),
        Row::new("km", "false elections were looked for", lasts.as_secs_f64(), "s"),
    ])
}

async fn term(km: &Km, nth: usize) -> Result<u64, Failure> {
    let answer = km.connect(nth).await?.request("GET", "/api/v1/cluster", "").await?;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(Failure::doing("read /cluster"))?;
    answer["term"].as_u64().ok_or_else(|| Failure("/cluster tells no term".into()))
}
