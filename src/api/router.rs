//! Every route in one place: the rooms' under `/api/v1`, the few beside them, and the dashboard for the rest.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::surface::Surface;
use super::{cluster, dashboard, envelope, events, explain, logs, metrics, openapi, requests};
use crate::capabilities::{
    access, alerts, audit, hosts, managers, operations, prechecks, properties, services,
};

pub use super::health::health_router;

/// Where the API is.
const BASE: &str = "/api/v1";

/// A room's routes, each described where it is written.
pub(crate) type Routes = OpenApiRouter<Arc<Surface>>;

/// The whole HTTP surface of one Manager. Serve it with the client's address as `ConnectInfo<SocketAddr>`.
pub fn router(surface: Arc<Surface>) -> Router {
    let (rooms, _) = all().split_for_parts();
    let health = health_router(surface.group.clone());
    rooms
        .route(&format!("{BASE}/openapi.json"), get(description))
        .route(&format!("{BASE}/errors"), get(errors))
        .route("/metrics", get(metrics::metrics))
        .fallback(dashboard::fallback)
        .layer(middleware::from_fn_with_state(surface.clone(), envelope::envelope))
        .with_state(surface)
        // Some balancers can only check the port they send to. The answers are those of the health port, bare.
        .merge(health)
}

/// What every described route looks like.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    all().split_for_parts().1
}

fn all() -> Routes {
    let rooms = OpenApiRouter::new()
        .merge(cluster::routes())
        .merge(managers::api::routes())
        .merge(hosts::api::routes())
        .merge(properties::api::routes())
        .merge(operations::api::routes())
        .merge(prechecks::api::routes())
        .merge(services::api::routes())
        .merge(alerts::api::routes())
        .merge(access::api::routes())
        .merge(audit::api::routes())
        .merge(requests::routes())
        .merge(explain::routes())
        .merge(events::routes())
        .merge(logs::routes());
    OpenApiRouter::with_openapi(openapi::Base::openapi()).nest(BASE, rooms)
}

async fn description(State(_): State<Arc<Surface>>) -> Response {
    Json(openapi::openapi()).into_response()
}

/// The page every problem's `type` points to.
async fn errors() -> Response {
    let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
    let text = include_str!("../../docs/contracts/errors.md");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
