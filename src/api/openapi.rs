//! The machine-readable description of the API, written from the handlers themselves.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use axum::http::Method;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::cluster::Cluster;
use super::error::ProblemBody;
use super::events::{Bookmark, LiveChange, Resync};
use super::router::described;

#[derive(OpenApi)]
#[openapi(
    info(title = "Kyvos Manager HA", description = "The same on every Manager that is not a witness. See docs/contracts/http.md for shapes and reasons."),
    components(schemas(ProblemBody, Bookmark, Cluster, LiveChange, Resync)),
    security(("bearer" = []), ("cookie" = []))
)]
pub(super) struct Base;

/// The OpenAPI document. `km openapi` prints it and the dashboard's types are generated from it.
pub fn openapi() -> Value {
    let mut document = serde_json::to_value(described()).expect("a description is plain data");
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "A session or API token." },
        "cookie": { "type": "apiKey", "in": "cookie", "name": super::COOKIE, "description": "The session cookie. Changing calls need the header X-KM-Client too." },
    });
    for (_, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, operation);
        }
    }
    document
}

/// Adds what all operations have in common.
fn complete(method: &str, operation: &mut Value) {
    let mut common = Vec::new();
    if method == "get" {
        common.push(parameter(
            "query",
            "consistency",
            "linearizable (default) or local: what this Manager knows now, with X-KM-Age-Ms.",
            json!({ "type": "string", "enum": ["linearizable", "local"] }),
        ));
    } else {
        common.push(parameter(
            "header",
            "Idempotency-Key",
            "1 to 128 visible ASCII characters. The first answer is given again.",
            json!({ "type": "string" }),
        ));
        common.push(parameter(
            "header",
            "X-KM-Client",
            "Any value; needed on changing calls signed in by cookie.",
            json!({ "type": "string" }),
        ));
    }
    common.push(parameter(
        "header",
        "X-KM-No-Forward",
        "1: a Passive answers 307 to the Active.",
        json!({ "type": "string", "enum": ["1"] }),
    ));
    let listed = operation.as_object_mut().expect("an operation is an object");
    let parameters = listed.entry("parameters").or_insert_with(|| json!([]));
    parameters.as_array_mut().expect("parameters are a list").extend(common);
    operation["responses"]["default"] = json!({
        "description": "See docs/contracts/errors.md.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
}

fn parameter(place: &str, name: &str, description: &str, schema: Value) -> Value {
    json!({ "in": place, "name": name, "required": false, "description": description, "schema": schema })
}

/// What the description says of a route that is needed while it is served.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// Whether it needs the Active.
    pub(super) forwarded: bool,
    /// The query parameters it takes.
    pub(super) query: BTreeSet<String>,
}

/// The described route of that method and path, if there is one.
pub(super) fn route(method: &Method, path: &str) -> Option<&'static Described> {
    static ROUTES: OnceLock<Routes> = OnceLock::new();
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    ROUTES.get_or_init(routes).get(path)?.get(method)
}

/// By path, then by method.
type Routes = HashMap<String, HashMap<String, Described>>;

fn routes() -> Routes {
    let document = openapi();
    let mut found = Routes::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|parameter| parameter["in"] == "query");
            let query = query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
            let forwarded = operation["x-km-handled"] == "forwarded";
            let described = Described { forwarded, query: query.collect() };
            found.entry(path.clone()).or_default().insert(method.to_uppercase(), described);
        }
    }
    found
}
