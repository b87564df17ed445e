//! The canary of the prechecks with Amazon's, Google's and Microsoft's own commands, run by a real agent against a store
//! that speaks their protocol. Installed by `scripts/install-clouds`. Hadoop's is not.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use kyvos_manager::capabilities::prechecks::port::azcopy_why;
use kyvos_manager::remote::Command;
use kyvos_manager::remote::act::{CanaryStep, Output, Tool};

use super::run;
use super::support::eventually;
use super::world::{Way, World, command, free_port};

/// A program of `scripts/install-clouds`.
fn installed(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clouds/bin").join(program);
    assert!(path.exists(), "{} is missing: scripts/install-clouds", path.display());
    path
}

/// What stands for a cloud: its store and its word for who somebody is.
struct Cloud {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Cloud {
    /// With a bucket `kyvos` in it.
    async fn start() -> Self {
        let port = free_port();
        let mut server = command(installed("moto_server").to_str().unwrap());
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = server.spawn().unwrap();
        let cloud = Cloud { child, port, dir: tempfile::tempdir().unwrap() };
        eventually("the store", || tokio::net::TcpStream::connect(("127.0.0.1", port))).await;
        std::fs::write(cloud.dir.path().join("aws"), cloud.amazons_command()).unwrap();
        cloud.aws(&["s3", "mb", "s3://kyvos"]);
        cloud
    }

    fn aws(&self, arguments: &[&str]) -> String {
        let mut aws = command("/bin/sh");
        let told = aws.arg(self.dir.path().join("aws")).args(arguments).output().unwrap();
        assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap()
    }

    fn holds(&self, name: &str) -> bool {
        self.aws(&["s3", "ls", "--recursive", "s3://kyvos"]).contains(name)
    }

    /// Amazon's command as a site sets it up on a host: with its own way in, and whom it is.
    fn amazons_command(&self) -> String {
        format!(
            "#!/bin/sh\nexport AWS_ENDPOINT_URL=http://127.0.0.1:{} AWS_DEFAULT_REGION=us-east-1\n\
             export AWS_ACCESS_KEY_ID=kyvos AWS_SECRET_ACCESS_KEY=kyvos AWS_EC2_METADATA_DISABLED=true\n\
             exec {} \"$@\"\n",
            self.port,
            installed("aws").display()
        )
    }

    /// Google's command, likewise. It takes no other port than its own but through a proxy.
    fn googles_command(&self) -> String {
        let (home, port) = (self.dir.path().display(), self.port);
        let settings = format!(
            "[Credentials]\ngs_access_key_id = kyvos\ngs_secret_access_key = kyvos\ngs_host = localhost\n\
             [Boto]\nis_secure = False\nproxy = 127.0.0.1\nproxy_port = {port}\nnum_retries = 0\n\
             [GSUtil]\nprefer_api = xml\ndefault_api_version = 1\n"
        );
        std::fs::write(self.dir.path().join("boto"), settings).unwrap();
        let gsutil = installed("gsutil");
        format!(
            "#!/bin/sh\nexport HOME={home} BOTO_CONFIG={home}/boto\nexec {} \"$@\"\n",
            gsutil.display()
        )
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn canary(world: &World, tool: Tool, location: &str, step: CanaryStep) -> (bool, String) {
    let location = location.parse().unwrap();
    let told = run(world, Command::Canary { tool, location, step }).await;
    (told.succeeded(), String::from_utf8_lossy(&told.stderr).into_owned())
}

async fn flies(world: &World, cloud: &Cloud, tool: Tool, scheme: &str) {
    assert!(run(world, Command::Find(tool)).await.succeeded());
    let name = format!("snapshots/km-canary-{}", world.host);
    let location = format!("{scheme}://kyvos/snapshots");
    for (step, there) in
        [(CanaryStep::Put, true), (CanaryStep::Get, true), (CanaryStep::Delete, false)]
    {
        let (well, said) = canary(world, tool, &location, step).await;
        assert!(well, "{step:?}: {said}");
        assert_eq!(cloud.holds(&name), there, "{step:?}");
    }
    // What was never written is not read, and a place that is not there takes nothing.
    let (well, said) = canary(world, tool, &location, CanaryStep::Get).await;
    assert!(!well && !said.is_empty());
    let (well, said) = canary(world, tool, &format!("{scheme}://nobodys"), CanaryStep::Put).await;
    assert!(!well && said.to_lowercase().contains("bucket"), "{said}");
}

// rows 15, 20
#[tokio::test(flavor = "multi_thread")]
async fn amazons_command_writes_reads_and_clears_a_canary_and_says_who_the_host_is() {
    let cloud = Cloud::start().await;
    let world = World::new(Way::Agent).await;
    world.give("aws", &cloud.amazons_command());
    flies(&world, &cloud, Tool::Aws, "s3").await;
    let who = run(&world, Command::Identity(Tool::Aws)).await;
    let who: serde_json::Value = serde_json::from_slice(&who.stdout).unwrap();
    assert!(who["Arn"].as_str().unwrap().starts_with("arn:aws:"), "{who}");
    world.end().await;
}

// row 15
#[tokio::test(flavor = "multi_thread")]
async fn googles_command_writes_reads_and_clears_a_canary() {
    let cloud = Cloud::start().await;
    let world = World::new(Way::Agent).await;
    world.give("gsutil", &cloud.googles_command());
    flies(&world, &cloud, Tool::Gsutil, "gs").await;
    world.end().await;
}

/// What Azurite calls its account; and a right to everything in it, signed with the key that Azurite publishes.
const ACCOUNT: &str = "devstoreaccount1";
const RIGHT: &str = "sv=2020-12-06&ss=b&srt=sco&sp=rwdlac&se=2100-01-01T00%3A00%3A00Z&spr=https\
     &sig=jxlfTwNXXWE1Jm1S6xRZJBoR2Io6wzdXnNylrC2%2Brs4%3D";
/// The same with a word changed behind the signature's back.
const NO_RIGHT: &str = "sv=2020-12-06&ss=b&srt=sco&sp=rw&se=2100-01-01T00%3A00%3A00Z&spr=https\
     &sig=jxlfTwNXXWE1Jm1S6xRZJBoR2Io6wzdXnNylrC2%2Brs4%3D";

/// A store that speaks Microsoft's protocol, with a container `kyvos` in it.
struct Azure {
    child: Child,
    url: String,
    client: reqwest::Client,
    dir: tempfile::TempDir,
}

impl Azure {
    async fn start() -> Self {
        let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
        let key = rcgen::KeyPair::generate().unwrap();
        let shown = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let shown = shown.self_signed(&key).unwrap().pem();
        std::fs::write(dir.path().join("shown.pem"), &shown).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        let mut server =
            command(installed("../azure/node_modules/.bin/azurite-blob").to_str().unwrap());
        server.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--silent"]);
        server.args(["--location", "data", "--cert", "shown.pem", "--key", "key.pem"]);
        server.args(["--skipApiVersionCheck", "--disableTelemetry"]).current_dir(dir.path());
        let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = server.spawn().unwrap();
        let believed = reqwest::Certificate::from_pem(shown.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([believed]).no_proxy().build();
        let url = format!("https://127.0.0.1:{port}/{ACCOUNT}/kyvos");
        let azure = Azure { child, url, client: client.unwrap(), dir };
        eventually("the store", || tokio::net::TcpStream::connect(("127.0.0.1", port))).await;
        let make = format!("{}?restype=container&{RIGHT}", azure.url);
        let made = azure.client.put(make).header("content-length", "0").send().await.unwrap();
        assert_eq!(made.status(), 201);
        azure
    }

    /// Microsoft's command as a site sets it up, with its own right; and told what an address without Microsoft's name is.
    fn command(&self, right: &str) -> String {
        let azcopy = "../azure/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64";
        let (home, azcopy) = (self.dir.path().display(), installed(azcopy));
        let azcopy = azcopy.display();
        format!(
            "#!/bin/sh\nexport HOME={home} SSL_CERT_FILE={home}/shown.pem AZCOPY_DISABLE_SYSLOG=true\n\
             case \"$1 $2\" in\n\
             'copy https:'*) exec {azcopy} copy \"$2?{right}\" \"$3\" --from-to=BlobLocal \"$4\" ;;\n\
             copy*) exec {azcopy} copy \"$2\" \"$3?{right}\" --from-to=LocalBlob \"$4\" ;;\n\
             remove*) exec {azcopy} remove \"$2?{right}\" --from-to=BlobTrash \"$3\" ;;\n\
             *) exec {azcopy} \"$@\" ;;\nesac\n"
        )
    }

    async fn holds(&self, name: &str) -> bool {
        let list = format!("{}?restype=container&comp=list&{RIGHT}", self.url);
        let listed = self.client.get(list).send().await.unwrap();
        assert_eq!(listed.status(), 200);
        listed.text().await.unwrap().contains(name)
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// rows 15, 20
#[tokio::test(flavor = "multi_thread")]
async fn microsofts_command_writes_reads_and_clears_a_canary_and_says_why_it_does_not() {
    let azure = Azure::start().await;
    let world = World::new(Way::Agent).await;
    world.give("azcopy", &azure.command(RIGHT));
    let name = format!("snapshots/km-canary-{}", world.host);
    let place = format!("{}/snapshots", azure.url);
    for (step, there) in
        [(CanaryStep::Put, true), (CanaryStep::Get, true), (CanaryStep::Delete, false)]
    {
        let told = canary_of(&world, &place, step).await;
        assert!(told.succeeded(), "{step:?}: {told:?}");
        assert_eq!(azure.holds(&name).await, there, "{step:?}");
    }
    let missing = canary_of(&world, &place, CanaryStep::Get).await;
    assert!(!missing.succeeded());
    let why = |told: &Output| azcopy_why(&told.stdout).unwrap_or_else(|| panic!("{told:?}"));
    assert!(why(&missing).contains("not found"), "{missing:?}");
    let nobodys = azure.url.replace("kyvos", "nobodys");
    let nobodys = canary_of(&world, &nobodys, CanaryStep::Put).await;
    assert_eq!((nobodys.succeeded(), why(&nobodys)), (false, "the store answered 404".into()));
    world.give("azcopy", &azure.command(NO_RIGHT));
    let denied = canary_of(&world, &place, CanaryStep::Put).await;
    assert_eq!((denied.succeeded(), why(&denied)), (false, "the store answered 403".into()));
    let nobody = run(&world, Command::Identity(Tool::Azcopy)).await;
    let said = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(!nobody.succeeded() && said.contains("not logged in"), "{said}");
    world.end().await;
}

async fn canary_of(world: &World, location: &str, step: CanaryStep) -> Output {
    let location = location.parse().unwrap();
    run(world, Command::Canary { tool: Tool::Azcopy, location, step }).await
}
