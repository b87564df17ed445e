//! `km join`: a further Manager, or a witness, let in by an invitation.

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::{Access, Change, Client, Trust};
use super::config_file::ConfigFile;
use super::connect::Connect;
use super::outcome::Failure;
use super::output::{Format, Output, say};
use crate::base::{Digest, ManagerId, RequestId};
use crate::capabilities::managers::invitation::Invitation;
use crate::cluster::{Home, JoinAsk, JoinGrant, Timers};
use crate::config::Config;
use crate::node;

/// Where the invitation is looked for, so that it need not stand on the command line.
const VARIABLE: &str = "KM_JOIN_TOKEN";

/// `km join`. The invitation comes with `--token`, or in [`VARIABLE`].
#[derive(Args, Debug)]
pub(super) struct Join {
    #[command(flatten)]
    file: ConfigFile,
    /// Put aside what a damaged or removed Manager left in the data directory, and join under a new number
    #[arg(long)]
    replace: bool,
}

/// Asks the group to be let in, and settles down in the data directory as the member it became.
pub(super) async fn run(join: Join, connect: &Connect, output: Output) -> Result<(), Failure> {
    let config = join.file.load()?;
    let text = std::env::var(VARIABLE).ok().or_else(|| connect.token.clone());
    let text = text.ok_or_else(|| {
        Failure::Usage("give the token of `km token create` with --token or KM_JOIN_TOKEN".into())
    })?;
    let invitation: Invitation =
        text.trim().parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    node::make_data_dir(&config.node.data_dir)?;
    let home = Home::at(&config.node.data_dir);
    let put_aside = if join.replace { home.put_aside().map_err(local)? } else { None };
    let ask = home.ask_to_join().map_err(local)?;
    let client = client(&invitation, connect)?;
    let answer = client.change(request(&config, &invitation, &ask)).await?.body;
    let grant = grant(&answer)?;
    node::check_authority(&grant.ca_pem, invitation.authority)?;
    home.join(&grant).map_err(local)?;
    let told = json!({
        "cluster_id": grant.cluster_id,
        "id": grant.member.0,
        "operation": answer["operation"],
        "put_aside": put_aside,
    });
    match output.format {
        Format::Json => output.object(&told),
        Format::Table => {
            let role = config.node.role.as_str();
            if let Some(aside) = &put_aside {
                say(&format!("What was there is in {} now.", aside.display()));
            }
            say(&format!(
                "This host is let in as {role} {}, as soon as it is started:",
                grant.member
            ));
            say(&format!("  km serve --config {}", join.file.path().display()));
        }
    }
    Ok(())
}

/// Members whose API shows a certificate of the group are known by the invitation alone; behind a certificate of
/// the site, `--ca` says whom to believe.
fn client(invitation: &Invitation, connect: &Connect) -> Result<Client, Failure> {
    let given = connect.access(None)?.trust;
    let trust = match given {
        Trust::Authority(pem) => Trust::Authority(pem),
        Trust::System | Trust::Fingerprint(_) => Trust::Fingerprint(invitation.authority),
    };
    let servers = invitation.members.iter().map(|member| format!("https://{member}")).collect();
    Client::new(Access { servers, trust, token: None })
}

fn request(config: &Config, invitation: &Invitation, ask: &JoinAsk) -> Change {
    let profile = node::profile(config);
    let body = json!({
        "token": invitation.secret.reveal(),
        "csr_pem": ask.csr_pem,
        "disk_id": ask.disk_id,
        "host": profile.host,
        "peer_addr": profile.peer_addr,
        "api_url": profile.api_url,
        "health_url": profile.health_url,
        "role": config.node.role.as_str(),
        "version": profile.version,
        "level": profile.level.0,
        "lease_ms": Timers::default().lease_ms(),
    });
    // The same disk with the same invitation is the same request: asking again gives the same number.
    let invited = Digest::of(invitation.secret.reveal().as_bytes()).to_string();
    let name = format!("join-{}-{}", ask.disk_id, &invited[..16]);
    let request = RequestId::new(name).expect("a uuid and hexadecimal digits");
    Change::post("/join", body).again(Some(request))
}

fn grant(answer: &Value) -> Result<JoinGrant, Failure> {
    let unclear = || Failure::Refused("the group's answer cannot be understood".into());
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    Ok(JoinGrant {
        member: ManagerId(answer["node_id"].as_u64().ok_or_else(unclear)?),
        cluster_id: text("cluster_id").and_then(|id| id.parse().ok()).ok_or_else(unclear)?,
        ca_pem: text("ca_pem").ok_or_else(unclear)?,
        certificate_pem: text("certificate_pem").ok_or_else(unclear)?,
        group_key: text("group_key").map(Zeroizing::new),
    })
}

fn local(failure: impl std::fmt::Display) -> Failure {
    Failure::Refused(failure.to_string())
}
