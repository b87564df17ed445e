//! The canary of the prechecks with Amazon's own command, run by a real agent against a store that speaks its protocol.
//! Installed by `scripts/install-clouds`. The other clouds' commands and Hadoop's are not to be had here.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use kyvos_manager::remote::Command;
use kyvos_manager::remote::act::{CanaryStep, Tool};

use super::run;
use super::support::eventually;
use super::world::{Way, World, command, free_port};

/// A program of `scripts/install-clouds`.
fn installed(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clouds/bin").join(program);
    assert!(path.exists(), "{} is missing: scripts/install-clouds", path.display());
    path
}

/// What stands for Amazon: its store and its word for who somebody is.
struct Amazon {
    child: Child,
    port: u16,
}

impl Amazon {
    async fn start() -> Self {
        let port = free_port();
        let mut server = command(installed("moto_server").to_str().unwrap());
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let amazon = Amazon { child: server.spawn().unwrap(), port };
        eventually("the store", || tokio::net::TcpStream::connect(("127.0.0.1", port))).await;
        amazon
    }

    /// Amazon's command as a site sets it up on a host: with its own way in, and whom it is.
    fn command_on_a_host(&self) -> String {
        format!(
            "#!/bin/sh\nexport AWS_ENDPOINT_URL=http://127.0.0.1:{} AWS_DEFAULT_REGION=us-east-1\n\
             export AWS_ACCESS_KEY_ID=kyvos AWS_SECRET_ACCESS_KEY=kyvos AWS_EC2_METADATA_DISABLED=true\n\
             exec {} \"$@\"\n",
            self.port,
            installed("aws").display()
        )
    }
}

impl Drop for Amazon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn canary(world: &World, location: &str, step: CanaryStep) -> (bool, String) {
    let location = location.parse().unwrap();
    let told = run(world, Command::Canary { tool: Tool::Aws, location, step }).await;
    (told.succeeded(), String::from_utf8_lossy(&told.stderr).into_owned())
}

// rows 15, 20
#[tokio::test(flavor = "multi_thread")]
async fn amazons_command_writes_reads_and_clears_a_canary_and_says_who_the_host_is() {
    let amazon = Amazon::start().await;
    let world = World::new(Way::Agent).await;
    let aws = world.give("aws", &amazon.command_on_a_host());
    let listed = || {
        let told =
            command(aws.to_str().unwrap()).args(["s3", "ls", "--recursive", "s3://kyvos"]).output();
        String::from_utf8(told.unwrap().stdout).unwrap()
    };
    assert!(
        command(aws.to_str().unwrap()).args(["s3", "mb", "s3://kyvos"]).status().unwrap().success()
    );

    let found = run(&world, Command::Find(Tool::Aws)).await;
    assert!(found.succeeded() && found.stdout.ends_with(b"/aws\n"), "{found:?}");
    let name = format!("snapshots/km-canary-{}", world.host);
    for (step, there) in
        [(CanaryStep::Put, true), (CanaryStep::Get, true), (CanaryStep::Delete, false)]
    {
        let (well, said) = canary(&world, "s3://kyvos/snapshots", step).await;
        assert!(well, "{step:?}: {said}");
        assert_eq!(listed().contains(&name), there, "{step:?}: {}", listed());
    }
    // What was never written is not read, and a place that is not there takes nothing.
    let (well, said) = canary(&world, "s3://kyvos/snapshots", CanaryStep::Get).await;
    assert!(!well && said.contains("404"), "{said}");
    let (well, said) = canary(&world, "s3://nobodys", CanaryStep::Put).await;
    assert!(!well && said.contains("NoSuchBucket"), "{said}");

    let who = run(&world, Command::Identity(Tool::Aws)).await;
    let who: serde_json::Value = serde_json::from_slice(&who.stdout).unwrap();
    assert!(who["Arn"].as_str().unwrap().starts_with("arn:aws:"), "{who}");
    world.end().await;
}
