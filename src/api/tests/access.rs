//! Signing in, sessions, tokens, and that secrets stay secret.

use axum::http::Method;
use futures::future::join_all;
use serde_json::{Value, json};

use super::client::{Answer, Km};
use crate::base::Digest;
use crate::capabilities::access::model::{self as access, Role};

const PASSWORD: &str = "correct horse";

async fn login(km: &Km, username: &str, password: &str) -> Answer {
    let ask = km.anonymous(Method::POST, "/api/v1/login");
    ask.json(json!({ "username": username, "password": password })).send().await
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_gives_a_token_and_a_cookie_that_scripts_cannot_read() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Maintainer).await;
    let answer = login(&km, "ann", PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["user"]["role"], "maintainer");
    assert_eq!(
        body["user"]["privileges"],
        json!([
            "view",
            "properties.change",
            "managers.alias",
            "managers.control",
            "hosts.manage",
            "services.manage",
            "alerts.acknowledge",
            "operations.control"
        ])
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-km=km_s_"), "{cookie}");
    for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    let me = km.anonymous(Method::GET, "/api/v1/me").header("authorization", bearer).send().await;
    assert_eq!((&me.json()["username"], &me.json()["kind"]), (&json!("ann"), &json!("session")));
    assert_eq!(me.json()["expires_at"], body["expires_at"]);
}

#[tokio::test]
async fn a_changing_call_by_cookie_needs_the_client_header_and_this_site() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Administrator).await;
    let cookie = cookie_of(&login(&km, "ann", PASSWORD).await);
    let put = |headers: &'static [(&'static str, &'static str)]| {
        let ask = km
            .anonymous(Method::PUT, "/api/v1/properties/custom/a")
            .header("cookie", cookie.clone());
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value));
        ask.json(json!({ "value": "x" })).send()
    };
    assert_eq!(put(&[]).await.problem(), "CROSS_SITE");
    assert_eq!(put(&[("x-km-client", "web"), ("sec-fetch-site", "cross-site")]).await.status, 403);
    assert_eq!(put(&[("x-km-client", "web"), ("sec-fetch-site", "same-origin")]).await.status, 200);
    let me = km.anonymous(Method::GET, "/api/v1/me").header("cookie", cookie.clone()).send().await;
    assert_eq!(me.status, 200);
}

#[tokio::test]
async fn a_session_made_on_another_manager_a_moment_ago_holds_here_at_once() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Auditor).await;
    let checked = km.group.set().state.access.users["ann"].revision;
    let open = access::Command::OpenSession {
        username: "ann".into(),
        checked,
        digest: Digest::of(b"km_s_elsewhere"),
    };
    km.group.set().unseen.push(open.into());
    // A local read, so that nothing else settles it first.
    let ask = km.anonymous(Method::GET, "/api/v1/me?consistency=local");
    let answer = ask.header("authorization", "Bearer km_s_elsewhere").send().await;
    assert_eq!((answer.status.as_u16(), &answer.json()["username"]), (200, &json!("ann")));
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Auditor).await;
    let token = login(&km, "ann", PASSWORD).await.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let out = km.anonymous(Method::POST, "/api/v1/logout").header("authorization", bearer.clone());
    let out = out.send().await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    let me = km.anonymous(Method::GET, "/api/v1/me").header("authorization", bearer).send().await;
    assert_eq!((me.status.as_u16(), me.problem().as_str()), (401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_user_and_an_unknown_user_looks_like_a_known_one() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Auditor).await;
    let (wrong, nobody) = (login(&km, "ann", "wrong").await, login(&km, "nobody", "wrong").await);
    assert_eq!((wrong.status, wrong.problem()), (nobody.status, nobody.problem()));
    assert_eq!((wrong.status.as_u16(), wrong.problem().as_str()), (401, "WRONG_CREDENTIALS"));
    assert_eq!(wrong.json()["detail"], nobody.json()["detail"]);
    // The same Idempotency-Key does not buy uncounted tries.
    for password in ["b", "c", "d", "e"] {
        let ask = km.anonymous(Method::POST, "/api/v1/login").header("idempotency-key", "again");
        let answer = ask.json(json!({ "username": "ann", "password": password })).send().await;
        assert_eq!(answer.problem(), "WRONG_CREDENTIALS");
    }
    let locked = login(&km, "ann", PASSWORD).await;
    assert_eq!((locked.status.as_u16(), locked.problem().as_str()), (403, "LOCKED"));
    let later = km.group.set().now.plus_ms(access::LOCK_MS);
    km.group.set().now = later;
    assert_eq!(login(&km, "ann", PASSWORD).await.status, 200);
}

// They come together: one after the other, looking at ten passwords may take so long that one more try is allowed.
#[tokio::test]
async fn a_flood_of_sign_ins_for_one_user_is_slowed_down() {
    let km = Km::new();
    let flood = (0..20).map(|_| login(&km, "nobody", "wrong"));
    let answers = join_all(flood).await;
    let (tried, slowed): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 401);
    assert!(tried.len() >= 10 && !slowed.is_empty(), "{} came through", tried.len());
    for answer in slowed {
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (429, "TOO_MANY_LOGINS"));
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    assert_eq!(login(&km, "somebody", "wrong").await.status, 401);
}

#[tokio::test]
async fn a_repeated_sign_in_under_its_key_gives_the_same_token() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Auditor).await;
    let sign_in = || {
        let ask =
            km.anonymous(Method::POST, "/api/v1/login").header("idempotency-key", "sign-in-1");
        ask.json(json!({ "username": "ann", "password": PASSWORD })).send()
    };
    let (first, again) = (sign_in().await, sign_in().await);
    assert_eq!((first.status.as_u16(), first.json()), (200, again.json()));
    assert_eq!(km.group.set().state.access.sessions.len(), 1);
}

#[tokio::test]
async fn ones_own_password_needs_the_existing_one_and_ends_every_session() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Auditor).await;
    let token = login(&km, "ann", PASSWORD).await.json()["token"].as_str().unwrap().to_owned();
    let change = |existing: &str, new: &str| {
        let ask = km.anonymous(Method::POST, "/api/v1/me/password");
        let ask = ask.header("authorization", format!("Bearer {token}"));
        ask.json(json!({ "existing": existing, "new": new })).send()
    };
    assert_eq!(change("wrong", "another horse").await.problem(), "WRONG_PASSWORD");
    let short = change(PASSWORD, "short").await;
    assert_eq!((short.status.as_u16(), short.problem().as_str()), (422, "PASSWORD_INVALID"));
    assert_eq!(change(PASSWORD, "another horse").await.status, 204);
    assert_eq!(change("another horse", "a third horse").await.status, 401);
    assert_eq!(login(&km, "ann", PASSWORD).await.status, 401);
    assert_eq!(login(&km, "ann", "another horse").await.status, 200);
}

#[tokio::test]
async fn users_are_made_changed_and_deleted_but_never_the_last_administrator() {
    let km = Km::new();
    let make = |name: &str, role: &str| {
        let ask = km.ask(Method::POST, "/api/v1/users");
        ask.json(json!({ "username": name, "role": role, "password": PASSWORD })).send()
    };
    let made = make("root", "administrator").await;
    assert_eq!((made.status.as_u16(), &made.json()["status"]), (201, &json!("active")));
    assert_eq!(make("root", "auditor").await.problem(), "USER_EXISTS");
    let path = "/api/v1/users/root";
    let patch = |body: Value| km.ask(Method::PATCH, path).json(body).send();
    assert_eq!(patch(json!({ "role": "auditor" })).await.problem(), "LAST_ADMINISTRATOR");
    assert_eq!(km.ask(Method::DELETE, path).send().await.status, 409);
    assert_eq!(make("ann", "auditor").await.status, 201);
    let tag = made.header("etag").unwrap().to_owned();
    let renewed = km.ask(Method::PATCH, path).header("if-match", tag.clone());
    assert_eq!(renewed.json(json!({ "password": "a new password" })).send().await.status, 200);
    let stale = km.ask(Method::PATCH, path).header("if-match", tag).json(json!({})).send().await;
    assert_eq!(stale.problem(), "CHANGED");
    assert_eq!(km.ask(Method::DELETE, "/api/v1/users/ann").send().await.status, 204);
    assert_eq!(km.get("/api/v1/users/ann").await.problem(), "NO_SUCH_USER");
    let all = km.get("/api/v1/users").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_api_token_is_shown_once_and_again_only_to_the_same_request() {
    let km = Km::new();
    let make = |key: &'static str| {
        let ask = km.ask(Method::POST, "/api/v1/tokens").header("idempotency-key", key);
        ask.json(json!({ "name": key, "role": "auditor", "expires_in_days": 1 })).send()
    };
    let (first, again, other) = (make("one").await, make("one").await, make("two").await);
    assert_eq!((first.status.as_u16(), first.json()), (201, again.json()));
    assert_ne!(first.json()["token"], other.json()["token"]);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let listed = km.get("/api/v1/tokens").await;
    assert!(!listed.text.contains(&token) && listed.text.contains("\"one\""));
    let bearer = format!("Bearer {token}");
    let me =
        || km.anonymous(Method::GET, "/api/v1/me").header("authorization", bearer.clone()).send();
    assert_eq!(me().await.json()["kind"], "token");
    let id = &first.json()["id"];
    assert_eq!(km.ask(Method::DELETE, &format!("/api/v1/tokens/{id}")).send().await.status, 204);
    assert_eq!(me().await.status, 401);
}

#[tokio::test]
async fn a_join_token_says_where_the_group_is_and_lets_one_host_in_once() {
    let km = Km::new();
    let make = || {
        let ask = km.ask(Method::POST, "/api/v1/join-tokens");
        ask.json(json!({ "role": "manager", "ttl_minutes": 60 })).send()
    };
    // rows 68, 70
    assert_eq!(make().await.problem(), "HA_DISABLED");
    km.enable_ha().await;
    let made = make().await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let invitation: crate::capabilities::managers::invitation::Invitation = text.parse().unwrap();
    assert_eq!(invitation.members, ["km1:7443"]);
    let join = |disk: &'static str, addr: &'static str| {
        let ask = km.anonymous(Method::POST, "/api/v1/join");
        ask.json(json!({
            "token": invitation.secret.reveal(), "disk_id": disk, "host": "km2", "peer_addr": addr,
            "csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\n", "api_url": "https://km2:7443",
            "health_url": "http://km2:7444", "role": "manager", "version": "0.1.0",
            "level": crate::machine::LEVEL_MAX.0,
        }))
        .send()
    };
    let joined = join("7d444840-9dc0-11d1-b245-5ffdce74fad2", "km2:7442").await;
    assert_eq!(joined.status, 202, "{joined:?}");
    assert_eq!(joined.json()["members"], json!([{ "id": 1, "peer_addr": "km1:7442" }]));
    let operation = &joined.json()["operation"];
    let operation = km.get(&format!("/api/v1/operations/{operation}")).await.json();
    assert_eq!((&operation["kind"], &operation["target"]), (&json!("ADD_MANAGER"), &json!("km2")));
    let again = join("8d444840-9dc0-11d1-b245-5ffdce74fad2", "km3:7442").await;
    assert_eq!((again.status.as_u16(), again.problem().as_str()), (403, "JOIN_TOKEN_INVALID"));
    assert_eq!(km.get("/api/v1/join-tokens").await.json()["items"], json!([]));
}

#[tokio::test]
async fn no_secret_is_in_the_log_in_an_answer_about_it_or_in_the_audit() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Administrator).await;
    let signed_in = login(&km, "ann", PASSWORD).await;
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    login(&km, "ann", "a wrong password").await;
    let hash = km.group.set().state.access.users["ann"].password_hash.clone();
    let secrets = [PASSWORD, "a wrong password", token.as_str()];
    for path in
        ["/api/v1/users", "/api/v1/users/ann", "/api/v1/audit", "/api/v1/cluster", "/metrics"]
    {
        let answer = km.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        for secret in secrets.iter().chain([&hash.as_str()]) {
            assert!(!answer.text.contains(secret), "{path} holds a secret");
        }
    }
    for entry in &km.group.set().log {
        let text = String::from_utf8_lossy(entry);
        assert!(secrets.iter().all(|secret| !text.contains(secret)));
    }
}

#[tokio::test]
async fn the_audit_tells_who_did_what_from_the_newest_and_by_user_and_room() {
    let km = Km::new();
    km.user("ann", PASSWORD, Role::Administrator).await;
    login(&km, "ann", PASSWORD).await;
    km.set("greeting", "hello").await;
    km.set("bad%20name", "x").await;
    let all = km.get("/api/v1/audit").await.json();
    let newest = &all["items"][0];
    assert_eq!(
        (&newest["outcome"], &newest["code"], &newest["action"]),
        (&json!("refused"), &json!("INVALID_NAME"), &json!("properties.set"))
    );
    let of_ann = km.get("/api/v1/audit?user=ann").await.json();
    let of_room = km.get("/api/v1/audit?room=properties").await.json();
    let actions = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|item| item["action"].clone()).collect()
    };
    assert!(actions(&of_ann).iter().all(|action| action.as_str().unwrap().starts_with("access.")));
    assert_eq!(actions(&of_room), ["properties.set", "properties.set"]);
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = km.get(&format!("/api/v1/audit?limit=2{after}")).await.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(&paged, all["items"].as_array().unwrap());
}
