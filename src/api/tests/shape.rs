//! The shape of the API as a whole: every route is described and classified, and asks who calls.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::client::Km;
use crate::api::openapi;
use crate::capabilities::access::model::Role;

/// Every described operation as method, path with parts filled in, and the operation.
pub(super) fn operations() -> Vec<(Method, String, Value)> {
    let document = openapi();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            found.push((method, filled(path), operation.clone()));
        }
    }
    assert_eq!(found.len(), 112, "a route came or went: say here how many there are");
    found
}

fn filled(path: &str) -> String {
    let parts = [
        ("{file}", "custom"),
        ("{name}", "greeting"),
        ("{id}", "7"),
        ("{key}", "some-key"),
        ("{topic}", "active"),
        ("{type}", "bi_server"),
    ];
    parts.iter().fold(path.to_owned(), |path, (part, value)| path.replace(part, value))
}

/// The routes that need nobody, by design.
const OPEN: &[&str] = &["/api/v1/login", "/api/v1/join", "/api/v1/hosts/enrol"];

#[test]
fn every_route_is_described_and_classified_as_local_or_forwarded() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let handled = operation["x-km-handled"].as_str().unwrap_or_default();
        assert!(["local", "forwarded"].contains(&handled), "{method} {path}: {handled:?}");
        assert!(
            method == Method::GET || handled == "forwarded",
            "{method} {path} changes something"
        );
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is given twice");
        assert!(operation["responses"]["default"].is_object(), "{method} {path}");
    }
}

#[test]
fn the_names_the_dashboard_is_written_against_are_there() {
    let document = openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "Cluster",
        "ClusterMember",
        "Notice",
        "Manager",
        "Tenure",
        "Property",
        "PropertyKind",
        "PropertyChange",
        "Operation",
        "OperationStep",
        "AuditRecord",
        "User",
        "ApiToken",
        "JoinToken",
        "Me",
        "Problem",
        "LiveChange",
        "Explanation",
        "RequestOutcome",
        "Prechecks",
        "Precheck",
        "Host",
        "HostRole",
        "HostTransport",
        "Service",
        "ServiceDetail",
        "ServiceControl",
        "ServiceMapping",
        "ServiceWatch",
        "ServiceSighting",
        "ZnodeProfile",
        "ZnodeDiscovery",
        "Alert",
        "AlertChannel",
    ] {
        assert!(schemas.contains_key(name), "{name} is missing of {:?}", schemas.keys());
    }
}

#[tokio::test]
async fn every_described_route_exists_and_asks_who_calls() {
    let km = Km::new();
    for (method, path, _) in operations() {
        let answer = km.anonymous(method.clone(), &path).send().await;
        let expected: &[u16] = if OPEN.contains(&path.as_str()) { &[400] } else { &[401] };
        assert!(expected.contains(&answer.status.as_u16()), "{method} {path}: {answer:?}");
        answer.problem();
        for header in ["x-km-served-by", "x-km-revision", "x-km-epoch"] {
            assert!(answer.header(header).is_some(), "{method} {path} lacks {header}");
        }
    }
}

#[tokio::test]
async fn a_role_may_do_what_its_privileges_say_and_nothing_else() {
    let km = Km::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        for role in Role::ALL {
            let answer =
                km.by(role, method.clone(), &path).header("last-event-id", "x").send().await;
            let forbidden = answer.status == 403 && answer.problem() == "FORBIDDEN";
            assert_eq!(!forbidden, may(role, id), "{} {id}: {answer:?}", role.as_str());
        }
    }
}

/// The auth matrix, written down a second time: a route that moves has to move here too.
fn may(role: Role, operation: &str) -> bool {
    let maintainer = [
        "set_property",
        "reset_property",
        "revert_property",
        "register_host",
        "patch_host",
        "delete_host",
        "check_host",
        "patch_manager",
        "make_active",
        "step_aside",
        "restart_active",
        "restart_manager",
        "start_manager",
        "stop_manager",
        "start_passives",
        "stop_passives",
        "push_dr_script",
        "restart_passives",
        "cancel_operation",
        "retry_operation",
        "run_prechecks",
        "set_znode_profile",
        "reset_znode_profile",
        "discover_znodes",
        "want_service",
        "set_service_type",
        "reset_service_type",
        "start_service",
        "stop_service",
        "restart_service",
        "start_service_type",
        "stop_service_type",
        "restart_service_type",
        "start_services",
        "stop_services",
        "restart_services",
        "acknowledge_alert",
        "set_services_ha",
        "reset_services_ha",
        "acknowledge_service",
        "open_maintenance_window",
        "close_maintenance_window",
        "add_service_schedule",
        "set_service_schedule",
        "remove_service_schedule",
    ];
    let auditor = ["list_audit"];
    let administrator = [
        "list_users",
        "get_user",
        "create_user",
        "patch_user",
        "delete_user",
        "list_tokens",
        "create_token",
        "delete_token",
        "list_join_tokens",
        "create_join_token",
        "delete_join_token",
        "delete_manager",
        "invite_agent",
        "make_ssh_key",
        "get_ssh_host_key",
        "trust_host",
        "add_manager",
        "replace_manager",
        "set_zookeeper_access",
        "add_alert_channel",
        "set_alert_channel",
        "remove_alert_channel",
        "test_alert_channel",
    ];
    match role {
        Role::Administrator => true,
        Role::Maintainer => !auditor.contains(&operation) && !administrator.contains(&operation),
        Role::Auditor => !maintainer.contains(&operation) && !administrator.contains(&operation),
    }
}

#[tokio::test]
async fn the_description_the_error_list_and_the_metrics_need_no_login_and_hold_no_secrets() {
    let km = Km::new();
    for path in ["/api/v1/openapi.json", "/api/v1/errors", "/metrics"] {
        let answer = km.anonymous(Method::GET, path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains("km_t_test"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_and_an_unknown_method_are_problems_too() {
    let km = Km::new();
    let answer = km.get("/api/v1/nothing").await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "NOT_FOUND"));
    let answer = km.ask(Method::PATCH, "/api/v1/login").send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = km.ask(Method::POST, "/elsewhere").send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (405, "METHOD_NOT_ALLOWED"));
}

#[tokio::test]
async fn a_condition_is_taken_by_the_calls_that_list_it_and_refused_by_the_others() {
    let km = Km::new();
    for (method, path, operation) in operations() {
        let listed = operation["parameters"].as_array().into_iter().flatten();
        let lists = listed.filter(|parameter| parameter["name"] == "If-Match").count();
        if method == Method::GET {
            assert_eq!(lists, 0, "{method} {path} reads");
            continue;
        }
        let body = json!({ "value": "x", "revision": 1, "alias": "x" });
        let ask = km.ask(method.clone(), &path).header("if-match", "\"1\"");
        let with_body = operation["requestBody"].is_object();
        let answer = if with_body { ask.json(body) } else { ask }.send().await;
        let refused = answer.status == 400 && answer.problem() == "UNCONDITIONAL_CALL";
        assert_eq!(refused, lists == 0, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_problem_too() {
    let km = Km::new();
    let long = "x".repeat(17 << 10);
    let ask = km.ask(Method::GET, "/api/v1/properties").header("x-long", long.clone());
    let answer = ask.send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (431, "HEADERS_TOO_LARGE"));
    let answer = km.get(&format!("/api/v1/properties?search={long}")).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (431, "HEADERS_TOO_LARGE"));
}

#[tokio::test]
async fn beyond_the_bound_calls_are_turned_away_at_once_and_this_manager_can_still_be_looked_at() {
    let km = Km::new();
    let crowd = &km.surface.crowd;
    let everybody = crowd.forwarded.available_permits().try_into().unwrap();
    let held = crowd.forwarded.try_acquire_many(everybody).unwrap();
    let answer = km.get("/api/v1/properties").await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (503, "TOO_BUSY"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(km.get("/api/v1/cluster").await.status, 200);
    drop(held);
    assert_eq!(km.get("/api/v1/properties").await.status, 200);
}
