//! Acting on a host, by its agent and over SSH: one suite, run both ways (row 8). The agent is the real program, the SSH
//! server Debian's, the group a real one of one Manager with a real tenure.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod clouds;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use kyvos_manager::base::Timestamp;
use kyvos_manager::remote::act::{CanaryStep, Tool};
use kyvos_manager::remote::{
    ByteStream, Command, LogAsk, LogSource, Probe, Remote, RemoteFailure, RemotePath, UnitName,
    UnitState, UnitVerb, Upload, Watch,
};
use support::eventually;
use world::{Way, World, acting};

/// The same test both ways.
macro_rules! both_ways {
    ($($name:ident),+ $(,)?) => {
        mod by_agent {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(World::new(Way::Agent).await).await;
            })+
        }
        mod over_ssh {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(World::new(Way::Ssh).await).await;
            })+
        }
    };
}

both_ways!(
    a_host_that_is_greeted_tells_its_version,
    a_unit_is_started_stopped_and_restarted_and_done_already_is_done,
    a_unit_that_ends_is_started_again_with_no_manager_alive,
    a_unit_outlives_the_agent_and_is_taken_up_again,
    a_unit_that_is_not_to_come_back_stays_away,
    a_file_is_put_whole_and_got_with_its_checksum,
    half_a_file_leaves_nothing,
    nothing_outside_the_roots_is_touched,
    the_logs_of_a_unit_come_by_time_and_bound,
    a_log_that_grows_is_turned_and_still_told,
    known_commands_run_and_others_cannot_be_said,
    probes_tell_what_answers,
    what_is_unknown_on_the_host_is_refused,
    a_manager_with_an_old_disk_is_fenced_also_after_the_agent_was_killed,
);

fn unit(name: &str) -> UnitName {
    name.parse().unwrap()
}

async fn order(world: &World, name: &str, verb: UnitVerb) -> kyvos_manager::remote::UnitStatus {
    try_order(world, name, verb).await.unwrap()
}

async fn try_order(
    world: &World,
    name: &str,
    verb: UnitVerb,
) -> Result<kyvos_manager::remote::UnitStatus, RemoteFailure> {
    let (host, unit) = (world.host, unit(name));
    world
        .act(acting(move |hosts| async move { hosts.order(host, &unit, verb).await }.boxed()))
        .await
}

async fn read(stream: ByteStream) -> std::io::Result<String> {
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

async fn a_host_that_is_greeted_tells_its_version(world: World) {
    let host = world.host;
    let version = world.act(acting(move |hosts| hosts.greet(host))).await.unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(world.hosts.reach(host).await.unwrap(), version);
    world.end().await;
}

// rows 56 to 63, on the host
async fn a_unit_is_started_stopped_and_restarted_and_done_already_is_done(world: World) {
    let stopped = world.hosts.unit(world.host, &unit("bi")).await.unwrap();
    assert_eq!((stopped.state, stopped.pid), (UnitState::Stopped, None));
    let started = order(&world, "bi", UnitVerb::Start).await;
    assert_eq!(started.state, UnitState::Running);
    let pid = started.pid.unwrap();
    assert!(world::runs(pid));
    assert_eq!(order(&world, "bi", UnitVerb::Start).await.pid, Some(pid));
    assert_eq!(world.hosts.unit(world.host, &unit("bi")).await.unwrap().pid, Some(pid));
    let again = order(&world, "bi", UnitVerb::Restart).await;
    assert!(again.state == UnitState::Running && again.pid != Some(pid) && !world::runs(pid));
    let stopped = order(&world, "bi", UnitVerb::Stop).await;
    assert_eq!((stopped.state, stopped.pid), (UnitState::Stopped, None));
    assert!(!world::runs(again.pid.unwrap()));
    assert_eq!(order(&world, "bi", UnitVerb::Stop).await.state, UnitState::Stopped);
    world.end().await;
}

// row 3
async fn a_unit_that_ends_is_started_again_with_no_manager_alive(mut world: World) {
    let pid = order(&world, "bi", UnitVerb::Start).await.pid.unwrap();
    world.lose_the_managers().await;
    world.kill_agent();
    assert!(world::runs(pid));
    world::kill(pid);
    let next = eventually("another process", || async {
        world.process_of("bi").filter(|next| *next != pid && world::runs(*next)).ok_or(pid)
    })
    .await;
    assert!(world::runs(next));
    // Nobody is left to order anything; the host itself is shut down.
    world.rest();
    assert!(!world::runs(next));
}

// row 3
async fn a_unit_outlives_the_agent_and_is_taken_up_again(mut world: World) {
    let pid = order(&world, "bi", UnitVerb::Start).await.pid.unwrap();
    world.kill_agent();
    assert!(world::runs(pid));
    // Its keeper dies as well; the process does not.
    world.kill_keeper("bi");
    assert!(world::runs(pid));
    world.start_agent();
    let bi = unit("bi");
    let seen = eventually("the agent", || world.hosts.unit(world.host, &bi)).await;
    assert_eq!((seen.state, seen.pid), (UnitState::Running, Some(pid)));
    assert_eq!(order(&world, "bi", UnitVerb::Start).await.pid, Some(pid));
    let stopped = order(&world, "bi", UnitVerb::Stop).await;
    assert!(stopped.state == UnitState::Stopped && !world::runs(pid));
    world.end().await;
}

async fn a_unit_that_is_not_to_come_back_stays_away(world: World) {
    let pid = order(&world, "once", UnitVerb::Start).await.pid.unwrap();
    world::kill(pid);
    let once = unit("once");
    let failed = eventually("its end", || async {
        let seen = world.hosts.unit(world.host, &once).await.unwrap();
        if seen.state == UnitState::Failed { Ok(seen) } else { Err(seen) }
    })
    .await;
    assert_eq!((failed.pid, failed.ended.as_str()), (None, "ended by signal 9"));
    let again = order(&world, "once", UnitVerb::Start).await;
    assert!(again.state == UnitState::Running && again.pid != Some(pid));
    order(&world, "once", UnitVerb::Stop).await;
    world.end().await;
}

async fn put(world: &World, path: &RemotePath, upload: Upload) -> Result<(), RemoteFailure> {
    let (host, path) = (world.host, path.clone());
    let put =
        acting(move |hosts| async move { hosts.put(host, &path, upload).await.map(drop) }.boxed());
    world.act(put).await
}

async fn a_file_is_put_whole_and_got_with_its_checksum(world: World) {
    let path = world.path("scripts/dr.sh");
    // More than one piece, and no whole number of them.
    let text = "0123456789".repeat(70_000);
    put(&world, &path, Upload::of(text.clone(), 0o750)).await.unwrap();
    assert_eq!(std::fs::read_to_string(path.as_str()).unwrap(), text);
    let mode = std::fs::metadata(path.as_str()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    put(&world, &path, Upload::of("new", 0o640)).await.unwrap();
    assert_eq!(read(world.hosts.get(world.host, &path).await.unwrap()).await.unwrap(), "new");
    world.end().await;
}

async fn half_a_file_leaves_nothing(world: World) {
    let path = world.path("deep/file");
    let broken = || {
        let content = futures::stream::iter([
            Ok(Bytes::from_static(b"half")),
            Err(std::io::Error::other("the source broke")),
        ]);
        Upload { mode: 0o644, length: 8, content: content.boxed() }
    };
    let told = put(&world, &path, broken()).await.unwrap_err();
    assert!(told.did_nothing(), "{told:?}");
    eventually("nothing to be left", || async { world.nothing_is_left() }).await;
    put(&world, &path, Upload::of("old", 0o644)).await.unwrap();
    put(&world, &path, broken()).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(path.as_str()).unwrap(), "old");
    world.end().await;
}

async fn nothing_outside_the_roots_is_touched(world: World) {
    for outside in ["/etc/hostname", "/root-of-nobody/file"] {
        let path: RemotePath = outside.parse().unwrap();
        let told = put(&world, &path, Upload::of("x", 0o644)).await.unwrap_err();
        assert!(matches!(told, RemoteFailure::Refused(_)), "{told:?}");
        let told = world.hosts.get(world.host, &path).await.err().unwrap();
        assert!(matches!(told, RemoteFailure::Refused(_)), "{told:?}");
    }
    assert!(!Path::new("/root-of-nobody").exists());
    let missing = world.hosts.get(world.host, &world.path("missing")).await.err().unwrap();
    assert!(matches!(missing, RemoteFailure::Refused(_)));
    world.end().await;
}

// row 77, on the host
async fn the_logs_of_a_unit_come_by_time_and_bound(world: World) {
    order(&world, "teller", UnitVerb::Start).await;
    let at = |day: u64| Some(Timestamp(1_767_225_600_000 + (day - 1) * 86_400_000));
    let ask = |source, since, until, bytes_max| LogAsk { source, since, until, bytes_max };
    let source = || LogSource::Unit(unit("teller"));
    let logs = |ask| {
        let world = &world;
        async move { read(world.hosts.logs(world.host, &ask).await.unwrap()).await.unwrap() }
    };
    let all = eventually("its output", || async {
        let all = logs(ask(source(), None, None, 1 << 20)).await;
        if all.lines().count() == 3 { Ok(all) } else { Err(all) }
    })
    .await;
    assert!(all.ends_with("third\n"));
    let second = logs(ask(source(), at(2), at(3), 1 << 20)).await;
    assert_eq!(second, "2026-01-02T00:00:00Z second\n");
    assert_eq!(logs(ask(source(), None, None, 40)).await, "2026-01-03T00:00:00Z third\n");
    std::fs::write(world.path("app.log").as_str(), "a line\n").unwrap();
    let file = ask(LogSource::File(world.path("app.log")), None, None, 1 << 20);
    assert_eq!(logs(file).await, "a line\n");
    order(&world, "teller", UnitVerb::Stop).await;
    world.end().await;
}

async fn a_log_that_grows_is_turned_and_still_told(world: World) {
    order(&world, "flood", UnitVerb::Start).await;
    eventually("the turn of the log", || async {
        match world.logs_of("flood") {
            (now, Some(turned)) if now < 65_536 && turned > 65_536 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let ask = LogAsk {
        source: LogSource::Unit(unit("flood")),
        since: None,
        until: None,
        bytes_max: 1 << 20,
    };
    let all = read(world.hosts.logs(world.host, &ask).await.unwrap()).await.unwrap();
    assert!(all.contains("line 0 of") && all.lines().count() > 1_000);
    order(&world, "flood", UnitVerb::Stop).await;
    world.end().await;
}

async fn run(world: &World, command: Command) -> kyvos_manager::remote::Output {
    let host = world.host;
    let ran = acting(move |hosts| async move { hosts.run(host, &command).await }.boxed());
    world.act(ran).await.unwrap()
}

// rows 15, 16
async fn known_commands_run_and_others_cannot_be_said(world: World) {
    assert_eq!(run(&world, Command::Find(Tool::Gsutil)).await.exit, Some(127));
    let found = run(&world, Command::Find(Tool::Hdfs)).await;
    assert!(found.succeeded() && found.stdout.ends_with(b"/hdfs\n"), "{found:?}");
    let location = || world.path("").as_str().parse().unwrap();
    for (step, there) in
        [(CanaryStep::Put, true), (CanaryStep::Get, true), (CanaryStep::Delete, false)]
    {
        let canary = Command::Canary { tool: Tool::Hdfs, location: location(), step };
        let told = run(&world, canary).await;
        assert!(told.succeeded(), "{step:?}: {told:?}");
        let name = format!("km-canary-{}", world.host);
        assert_eq!(Path::new(world.path(&name).as_str()).exists(), there);
    }
    let join = Command::Join {
        config: world.path("km.toml"),
        token: kyvos_manager::base::Secret::new("no invitation"),
    };
    let told = run(&world, join).await;
    assert!(!told.succeeded() && String::from_utf8_lossy(&told.stderr).contains("km.toml"));
    world.end().await;
}

async fn probes_tell_what_answers(world: World) {
    // While it does not listen it refuses everybody, and nobody else is given its port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = Probe::Tcp(socket.local_addr().unwrap().to_string());
    assert!(!world.hosts.probe(world.host, &address).await.unwrap().answers);
    let _listener = socket.listen(8).unwrap();
    assert!(world.hosts.probe(world.host, &address).await.unwrap().answers);
    let own = Probe::Process(std::process::id());
    assert!(world.hosts.probe(world.host, &own).await.unwrap().answers);
    world.end().await;
}

async fn what_is_unknown_on_the_host_is_refused(world: World) {
    let told = try_order(&world, "nobody", UnitVerb::Start).await.unwrap_err();
    assert!(matches!(&told, RemoteFailure::Refused(why) if why.contains("[unit.nobody]")));
    let told = world.hosts.unit(world.host, &unit("nobody")).await.unwrap_err();
    assert!(matches!(told, RemoteFailure::Refused(_)));
    // A unit whose program is not there is known, and cannot be started.
    let told = try_order(&world, "absent", UnitVerb::Start).await.unwrap_err();
    assert!(
        matches!(&told, RemoteFailure::Failed(why) if why.contains("No such file")),
        "{told:?}"
    );
    order(&world, "absent", UnitVerb::Stop).await;
    world.end().await;
}

// house rule: the fence outside
async fn a_manager_with_an_old_disk_is_fenced_also_after_the_agent_was_killed(mut world: World) {
    let first = world.epoch().await;
    let old = world.copy_of_the_disk().await;
    for number in 0..5 {
        support::set(world.member.group(), support::greeting(&number.to_string())).await.unwrap();
    }
    world.begin_another_tenure().await;
    let host = world.host;
    world.act(acting(move |hosts| hosts.greet(host))).await.unwrap();
    let newest = world.epoch().await;
    assert!(newest > first);
    world.go_back_to(old).await;
    let asked = world.epoch().await;
    assert!(asked < newest, "{asked} {newest}");
    let fenced = RemoteFailure::Fenced { asked, highest: newest };
    let told = try_order(&world, "bi", UnitVerb::Start).await;
    assert_eq!(told.unwrap_err(), fenced);
    world.kill_agent();
    world.start_agent();
    world.wait_for_agent().await;
    assert_eq!(try_order(&world, "bi", UnitVerb::Start).await.unwrap_err(), fenced);
    let path = world.path("file");
    assert_eq!(put(&world, &path, Upload::of("x", 0o644)).await.unwrap_err(), fenced);
    // The other way in leads to the same gate.
    world.switch_the_way().await;
    assert_eq!(try_order(&world, "bi", UnitVerb::Start).await.unwrap_err(), fenced);
    assert!(!Path::new(path.as_str()).exists());
    let seen = world.hosts.unit(world.host, &unit("bi")).await.unwrap();
    assert_eq!(seen.state, UnitState::Stopped);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_agent_dies_is_unknown_and_is_carried_out_all_the_same() {
    let world = World::new(Way::Agent).await;
    let pid = order(&world, "slow", UnitVerb::Start).await.pid.unwrap();
    let deaf = world.path("deaf");
    support::until("its trap to stand", || Path::new(deaf.as_str()).exists()).await;
    let (told, ()) = tokio::join!(try_order(&world, "slow", UnitVerb::Stop), async {
        support::until("its end to begin", || world.is_stopping("slow")).await;
        world::kill(world.agent_pid());
    });
    assert!(matches!(&told, Err(RemoteFailure::Unknown(_))), "{told:?}");
    // Its keeper needs nobody to bring it to its end.
    support::until("its end", || !world::runs(pid)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_believes_only_managers_of_its_group_and_is_believed_only_as_its_host() {
    let world = World::new(Way::Agent).await;
    let stranger = World::new(Way::Agent).await;
    // The agent of another group shows another authority's certificate: it is not even asked.
    let there = stranger.agent_address();
    world.point_host_at(&there).await;
    let told = world.hosts.unit(world.host, &unit("bi")).await.unwrap_err();
    assert!(
        matches!(&told, RemoteFailure::Unreachable(why) if why.contains("certificate")),
        "{told:?}"
    );
    // Nor does an agent believe a Manager of another group, or a certificate of its own authority that is no Manager's.
    let own = world.identity().join("agent");
    let foreign = stranger.member.dir.path().join("identity/manager");
    for holder in [own, foreign] {
        let told = world.say_hello_as(&holder).await.unwrap_err();
        assert!(told.to_string().contains("alert"), "{holder:?}: {told:?}");
    }
    let manager = world.member.dir.path().join("identity/manager");
    // Whoever says no word of ours is hung up on, but it got as far as saying it.
    let told = world.say_hello_as(&manager).await.unwrap_err();
    assert_eq!(told.kind(), std::io::ErrorKind::UnexpectedEof, "{told:?}");
    stranger.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ssh_server_with_another_key_is_refused_and_never_trusted_by_itself() {
    let mut world = World::new(Way::Ssh).await;
    let before = world.hosts.offered_key(world.host).await.unwrap();
    world.change_the_host_key();
    let after = eventually("the server", || world.hosts.offered_key(world.host)).await;
    assert_ne!(before, after);
    let told = try_order(&world, "bi", UnitVerb::Start).await.unwrap_err();
    assert!(matches!(&told, RemoteFailure::HostKeyChanged { .. }), "{told:?}");
    let told = world.hosts.unit(world.host, &unit("bi")).await.unwrap_err();
    assert!(matches!(told, RemoteFailure::HostKeyChanged { .. }));
    world.trust(&after).await;
    assert_eq!(order(&world, "bi", UnitVerb::Start).await.state, UnitState::Running);
    order(&world, "bi", UnitVerb::Stop).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trust_or_sign_in_nothing_is_asked_over_ssh() {
    let world = World::new(Way::Ssh).await;
    world.forget_the_key().await;
    let told = world.hosts.unit(world.host, &unit("bi")).await.unwrap_err();
    assert!(matches!(&told, RemoteFailure::NotReady(why) if why.contains("trust")), "{told:?}");
    let key = world.hosts.offered_key(world.host).await.unwrap();
    world.trust(&key).await;
    std::fs::write(world.authorized_keys(), "").unwrap();
    let told = world.hosts.unit(world.host, &unit("bi")).await.unwrap_err();
    assert!(matches!(&told, RemoteFailure::NotReady(why) if why.contains("authorized_keys")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_near_its_end_is_renewed_while_the_agent_runs() {
    let world = World::with_a_certificate_that_ends_soon().await;
    let (host, before) = (world.host, world.certificate());
    world.act(acting(move |hosts| hosts.greet(host))).await.unwrap();
    assert_ne!(world.certificate(), before);
    let pid = world.agent_pid();
    assert_eq!(order(&world, "bi", UnitVerb::Start).await.state, UnitState::Running);
    assert_eq!(world.agent_pid(), pid);
    order(&world, "bi", UnitVerb::Stop).await;
    world.end().await;
}
