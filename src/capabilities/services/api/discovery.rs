//! What a live ZooKeeper tree holds: asked for here, looked up by the Active, shown as shapes.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::wire::ZnodeRule;
use crate::api::{Answer, Change, ManageServices, Problem, Reader, Routes, Time, View};

/// Beneath which path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscoverZnodes {
    /// The path; `/` when left out.
    #[serde(default = "top")]
    root: String,
}

impl Default for DiscoverZnodes {
    fn default() -> Self {
        Self { root: top() }
    }
}

fn top() -> String {
    "/".into()
}

/// It will be looked.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct AskedDiscovery {
    /// The ask's name: it is answered when `answered` of `GET /services/discovery` is not less.
    pub asked: u64,
}

/// What a look at a live tree found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ZnodeDiscovery {
    /// The newest ask.
    pub asked: Option<u64>,
    /// The newest ask that was answered.
    pub answered: Option<u64>,
    /// Beneath which path was looked.
    pub root: String,
    /// When it was told.
    pub at: Option<Time>,
    /// Why it is not everything; null: it is.
    pub because: Option<String>,
    /// The znodes, parents before children. What they say is not kept.
    pub items: Vec<DiscoveredZnode>,
    /// Rules that would fit. They are guesses: check them before you set them.
    pub proposed: Vec<ZnodeRule>,
}

/// The shape of a znode.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct DiscoveredZnode {
    /// Where it is.
    pub path: String,
    /// How many children it has.
    pub children: u32,
    /// How long its payload is.
    pub bytes: u32,
    /// Whether it goes with the session that made it.
    pub ephemeral: bool,
    /// What its payload looks like: empty, address, json, text, binary, or unread.
    pub form: &'static str,
    /// The names of the fields of a JSON payload.
    pub fields: Vec<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(get))
}

/// Has the Active look what the tree holds. It only reads.
#[utoipa::path(post, path = "/services/discover", operation_id = "discover_znodes", tag = "services",
    request_body = DiscoverZnodes, responses((status = 202, body = AskedDiscovery)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn ask(
    change: Change<ManageServices, DiscoverZnodes>,
) -> Result<Answer<AskedDiscovery>, Problem> {
    let command = model::Command::Discover { root: change.body.root.clone() };
    let committed = change.propose(command, None).await?;
    let asked = committed.revision.0;
    Ok(committed.show(&change.surface, StatusCode::ACCEPTED, |_| Some(AskedDiscovery { asked })))
}

/// What the newest look found.
#[utoipa::path(get, path = "/services/discovery", operation_id = "get_znode_discovery", tag = "services",
    responses((status = 200, body = ZnodeDiscovery)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>) -> Result<Answer<ZnodeDiscovery>, Problem> {
    reader.show(|state| Ok(shown(&state.services.discovery)))
}

fn shown(discovery: &model::Discovery) -> ZnodeDiscovery {
    let found = discovery.found.as_ref();
    ZnodeDiscovery {
        asked: discovery.asked.map(|asked| asked.0),
        answered: found.map(|found| found.asked.0),
        root: found.map_or_else(|| discovery.root.clone(), |found| found.root.clone()),
        at: found.map(|found| found.at.into()),
        because: found.and_then(|found| found.because.clone()),
        items: found.into_iter().flat_map(|found| &found.znodes).map(znode).collect(),
        proposed: found.into_iter().flat_map(|found| &found.proposed).map(Into::into).collect(),
    }
}

fn znode(znode: &model::Znode) -> DiscoveredZnode {
    let fields = match &znode.form {
        model::Form::Json { fields } => fields.iter().cloned().collect(),
        model::Form::Empty
        | model::Form::Address
        | model::Form::Text
        | model::Form::Binary
        | model::Form::Unread => Vec::new(),
    };
    let (path, form) = (znode.path.clone(), znode.form.as_str());
    let (children, bytes, ephemeral) = (znode.children, znode.bytes, znode.ephemeral);
    DiscoveredZnode { path, children, bytes, ephemeral, form, fields }
}
