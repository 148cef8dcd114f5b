//! Roles and tokens against a real node: other users of the machine at its socket, and a file of tokens that changes while
//! the node runs.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path as FilePath, PathBuf};
use std::process::Command;

use driftless_client::{Client, Endpoint, Token};

use crate::mesh::{Mesh, binary, wait};

/// A user with a role, and one without; no machine gives these numbers to anybody.
const WITH_ROLE: u32 = 3_141_592_001;
const STRANGER: u32 = 3_141_592_002;

const ROLES: &str = "
[[access.role]]
name = \"open\"
users = [3141592001]
read = [\"shop/open\"]
write = [\"shop/open/own\"]
";

/// A place that every user may search: the socket, and a copy of the command line.
struct Street {
    mesh: Mesh,
    home: tempfile::TempDir,
    tokens: PathBuf,
}

impl Street {
    async fn with(roles: &str) -> Self {
        let home = tempfile::Builder::new().prefix("dl").tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(binary("driftless"), home.path().join("driftless")).unwrap();
        let mut mesh = Mesh::found(1);
        let node = &mut mesh.made.nodes[0];
        let config = std::fs::read_to_string(&node.config).unwrap();
        let socket = home.path().join("door.sock");
        node.endpoint = format!("unix:{}", socket.display());
        std::fs::write(&node.config, format!("{config}{roles}")).unwrap();
        let tokens = home.path().join("tokens.json");
        let (socket, file) = (socket.display().to_string(), format!("access.tokens_file={}", tokens.display()));
        let settings = ["--http-listen", "127.0.0.1:0", "--log-level", "debug", "--socket", &socket, "--set", &file];
        mesh.start(0, &[&settings[..], &["--set", "http.socket_mode=0666"]].concat());
        mesh.wait_serving().await;
        mesh.put(0, "shop/open/a", "1").await.unwrap();
        mesh.put(0, "shop/secret/a", "2").await.unwrap();
        Self { mesh, home, tokens }
    }

    /// Where the node said that it listens.
    fn tcp(&self) -> String {
        let log = self.mesh.log(0);
        let port = log.split("tcp=Some(127.0.0.1:").nth(1).expect("the address in the log").split(')').next().unwrap();
        format!("http://127.0.0.1:{port}")
    }

    fn command(&self, program: &FilePath, arguments: &[&str], user: Option<u32>) -> (Option<i32>, String, String) {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").args(arguments);
        command.current_dir(self.home.path());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let ended = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ended.status.code(), text(ended.stdout), text(ended.stderr))
    }

    /// `driftless` as another user, at the socket.
    fn as_user(&self, user: u32, arguments: &[&str]) -> (Option<i32>, String, String) {
        let all = [&["--endpoint", &self.mesh.made.nodes[0].endpoint], arguments].concat();
        self.command(&self.home.path().join("driftless"), &all, Some(user))
    }

    fn token(&self, arguments: &[&str]) -> String {
        let all = [&["token"], arguments, &["--tokens", self.tokens.to_str().unwrap()]].concat();
        let (code, out, said) = self.command(&binary("driftless"), &all, None);
        assert_eq!(code, Some(0), "{said}");
        out.trim_end().to_owned()
    }

    fn client(&self, token: &str) -> Client {
        let endpoint: Endpoint = self.tcp().parse().unwrap();
        Client::new(endpoint).with_token(Token::parse(token).unwrap())
    }
}

async fn word(client: &Client, path: &str) -> String {
    match client.item(&path.parse().unwrap()).await {
        Ok(_) => "good".to_owned(),
        Err(error) => error.word().map_or_else(|| error.to_string(), str::to_owned),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_of_the_machine_gets_what_its_roles_say() {
    let street = Street::with(ROLES).await;
    // The test's own user runs the node, and may do everything.
    assert_eq!(street.mesh.read(0, "shop/secret/a").await.as_deref(), Some("2"));
    if street.command(FilePath::new("id"), &["-u"], None).1.trim() != "0" {
        // Only root can be another user; the rules themselves are tested in node/src/http/access/peers.rs.
        return;
    }
    let (code, out, said) = street.as_user(WITH_ROLE, &["get", "shop/open/a"]);
    assert_eq!((code, out.trim()), (Some(0), "1"), "{said}");
    let (code, out, said) = street.as_user(WITH_ROLE, &["get", "/", "-o", "json"]);
    assert!(code == Some(0) && out.contains("shop/open/a") && !out.contains("secret"), "{out}{said}");
    for hidden in ["shop/secret/a", "shop/secret/nothing", "elsewhere/a"] {
        let (code, out, said) = street.as_user(WITH_ROLE, &["get", hidden]);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{said}");
        assert!(said.contains(&format!("user {WITH_ROLE} may not read {hidden}")), "{said}");
    }
    let (code, _, said) = street.as_user(WITH_ROLE, &["status"]);
    assert_eq!(code, Some(3), "{said}");
    for command in [&["get", "shop/open/a"][..], &["get", "/"], &["log"], &["status"]] {
        let (code, out, said) = street.as_user(STRANGER, command);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{command:?}: {said}");
    }
    let socket = street.home.path().join("door.sock").display().to_string();
    let write = |user, path: &str| {
        let url = format!("http://node/v1/config/{path}");
        let json = "content-type: application/json";
        let arguments =
            ["-sS", "--unix-socket", &socket, "-X", "PUT", "-H", json, "-d", "3", "-w", "%{http_code}", &url];
        street.command(FilePath::new("curl"), &arguments, Some(user)).1
    };
    assert!(write(WITH_ROLE, "shop/open/own/a").ends_with("200"), "as the node's own author");
    assert!(write(WITH_ROLE, "shop/open/a").ends_with("403") && write(STRANGER, "shop/open/own/a").ends_with("403"));
    assert_eq!(street.mesh.read(0, "shop/open/own/a").await.as_deref(), Some("3"));
    assert_eq!(street.mesh.read(0, "shop/open/a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_come_go_and_expire_while_the_node_runs() {
    let street = Street::with("").await;
    let anonymous = Client::new(street.tcp().parse().unwrap());
    assert_eq!(word(&anonymous, "shop/open/a").await, "unauthorized");
    let reader = street.token(&["new", "reader", "--read", "shop/open"]);
    let client = street.client(&reader);
    wait("the token to be in force", || async { word(&client, "shop/open/a").await == "good" }).await;
    assert_eq!(word(&client, "shop/secret/a").await, "forbidden");
    let file = street.home.path().join("reader.token");
    std::fs::write(&file, format!("{reader}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (tcp, file) = (street.tcp(), file.display().to_string());
    let get = ["--endpoint", &tcp, "--token-file", &file, "get", "shop/open/a"];
    assert_eq!(street.command(&binary("driftless"), &get, None).1.trim(), "1");

    let short = street.token(&["new", "short", "--read", "shop", "--expires", "4s"]);
    let brief = street.client(&short);
    wait("the short token to be in force", || async { word(&brief, "shop/open/a").await == "good" }).await;
    wait("the short token to expire", || async { word(&brief, "shop/open/a").await == "unauthorized" }).await;
    assert_eq!(word(&client, "shop/open/a").await, "good");

    // Half a file, as a careless editor writes it: nothing changes but what is said.
    let good = std::fs::read(&street.tokens).unwrap();
    std::fs::write(&street.tokens, &good[..good.len() / 2]).unwrap();
    wait("the broken file to be noticed", || async { street.mesh.log(0).contains("the last good set holds") }).await;
    assert_eq!(word(&client, "shop/open/a").await, "good");
    std::fs::write(&street.tokens, &good).unwrap();
    street.token(&["revoke", "reader"]);
    wait("the token to be refused", || async { word(&client, "shop/open/a").await == "unauthorized" }).await;
    let (code, _, said) = street.command(&binary("driftless"), &get, None);
    assert!(code == Some(3) && said.contains("show one with --token-file"), "{said}");

    let log = street.mesh.log(0);
    assert!(log.contains("request denied") && log.contains("token_unknown"), "denials are logged at debug");
    for token in [&reader, &short] {
        assert!(!log.contains(token.trim_start_matches("dlt_")), "a token in the log");
    }
    assert_eq!(street.mesh.read(0, "shop/secret/a").await.as_deref(), Some("2"), "the socket is as it was");
}
