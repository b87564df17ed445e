//! `GET /support-bundle`: what a supporter asks for first, in one archive.
//!
//! Each part is what the API answers to the very person who asks, so it holds what they may see and nothing else.
//! A part that cannot be had is told in `manifest.json` and does not keep the others from coming.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::download::{Broken, Download, answer, place, without_secrets};
use super::lines::Window;
use super::redact::mask;
use super::source::Source;
use super::{pretty, slug, stamp};
use crate::api::error::Problem;
use crate::api::privilege::View;
use crate::api::reading::Watcher;
use crate::api::surface::Surface;
use crate::base::ManagerId;

/// Largest part that is taken in; a page of a list is far smaller.
const PART_MAX: usize = 16 << 20;

/// The parts, and what the API is asked for each.
const PARTS: [(&str, &str); 10] = [
    ("cluster.json", "/api/v1/cluster"),
    ("managers.json", "/api/v1/managers?limit=500"),
    ("tenures.json", "/api/v1/tenures?limit=500"),
    ("why-active.json", "/api/v1/explain/active"),
    ("hosts.json", "/api/v1/hosts?limit=500"),
    ("prechecks.json", "/api/v1/prechecks"),
    ("properties.json", "/api/v1/properties?limit=500&consistency=local"),
    ("operations.json", "/api/v1/operations?limit=500&consistency=local"),
    ("audit.json", "/api/v1/audit?limit=500&consistency=local"),
    ("metrics.txt", "/metrics"),
];

/// Everything a supporter asks for, as a compressed tar archive without secrets: the logs of all Managers that can
/// be had, the group, its Managers, hosts, properties, operations and the end of the audit, this Manager's metrics.
/// `manifest.json` says what is in it and what is not, and why.
#[utoipa::path(get, path = "/support-bundle", operation_id = "support_bundle", tag = "cluster",
    responses((status = 200, description = "A tar.gz.", content((Vec<u8> = "application/gzip")))),
    extensions(("x-km-handled" = json!("local"))))]
pub(super) async fn support_bundle(
    watcher: Watcher<View>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let surface = watcher.surface;
    let place = place(&surface)?;
    let (at, made_at_s) = stamp(surface.group.now());
    let name = surface.group.view(|state| {
        state.managers.group.as_ref().map(|group| group.name.clone()).unwrap_or_default()
    });
    let folder = format!("km-support-{}-{at}", slug(&name));
    Ok(answer(&format!("{folder}.tar.gz"), place, made_at_s, |mut download| async move {
        let mut parts = Vec::new();
        for (file, path) in PARTS {
            parts.push(add_part(&mut download, &surface, &headers, &folder, file, path).await?);
        }
        let mut logs = Vec::new();
        for (id, host) in members(&surface) {
            logs.push(add_member(&mut download, &surface, &folder, id, &host).await?);
        }
        let manifest = json!({
            "made_at": at, "made_by": surface.group.here().0, "group": name,
            "version": env!("CARGO_PKG_VERSION"), "parts": parts, "logs": logs,
        });
        download.add(format!("{folder}/manifest.json"), pretty(&manifest)).await?;
        download.finish().await
    }))
}

fn members(surface: &Surface) -> Vec<(ManagerId, String)> {
    let members = |state: &crate::machine::State| {
        let member = |(id, it): (&ManagerId, &crate::capabilities::managers::model::Manager)| {
            (*id, it.profile.host.clone())
        };
        state.managers.members.iter().map(member).collect()
    };
    surface.group.view(members)
}

async fn add_member(
    download: &mut Download,
    surface: &Arc<Surface>,
    folder: &str,
    id: ManagerId,
    host: &str,
) -> Result<Value, Broken> {
    let place = format!("logs/{id}-{}", slug(host));
    let held = match Source::find(surface, id).await {
        Err(because) => json!({ "because": because }),
        Ok(source) => {
            let at = format!("{folder}/{place}");
            download.add_log(&at, &source, Window::default(), true).await?
        }
    };
    Ok(json!({ "manager": id.0, "host": host, "folder": place, "log": held }))
}

async fn add_part(
    download: &mut Download,
    surface: &Arc<Surface>,
    headers: &HeaderMap,
    folder: &str,
    file: &str,
    path: &str,
) -> Result<Value, Broken> {
    let (status, body) = match asked(surface, headers, path).await {
        Ok(told) => told,
        Err(because) => return Ok(json!({ "file": file, "because": because })),
    };
    if status != 200 {
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        return Ok(json!({ "file": file, "because": problem["detail"] }));
    }
    let text = match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            mask(&mut value);
            pretty(&value)
        }
        Err(_) => body,
    };
    download.add(format!("{folder}/{file}"), without_secrets(&text)).await?;
    Ok(json!({ "file": file, "because": null }))
}

/// What this Manager's own API answers to the one who asks for the bundle.
async fn asked(
    surface: &Arc<Surface>,
    headers: &HeaderMap,
    path: &str,
) -> Result<(u16, Vec<u8>), String> {
    let mut request = Request::get(path);
    for name in [header::AUTHORIZATION, header::COOKIE] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let request = request.body(Body::empty()).map_err(|error| error.to_string())?;
    let routed = crate::api::router::router(surface.clone()).oneshot(request).await;
    let response = routed.expect("a router answers whatever comes");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), PART_MAX).await.map_err(|error| error.to_string())?;
    Ok((status, body.to_vec()))
}
