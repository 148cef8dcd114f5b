//! The canary test: secrets are planted wherever one can lie, real processes live through everything that an operator and a
//! service do with them, and every output of every binary is searched: raw, in hexadecimal, in base64, as Rust prints bytes.
//!
//! The simulator is not among them: it takes seeds and nothing else, so no secret can come near it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path as FilePath;
use std::process::Command;
use std::time::Duration;

use driftless_client::sealed::{Recipients, seal};
use driftless_statement::json;

use crate::hunt::{Canary, Hunt};
use crate::mesh::{Mesh, binary, wait};
use crate::operator::run;

const SECRET: &[u8] = b"canary-of-the-vault/9f2c7e51d04b8a36\0\xfe\xff-and-its-end";
const PATH: &str = "shop/vault/password";
/// Everything that anybody logs, libraries included.
const LOUDEST: &str = "trace,libp2p=trace,libp2p_gossipsub=trace,hyper=trace";

/// A line of a key file that is no comment.
fn secret_line(file: &FilePath) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap().to_owned()
}

fn unhex(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.as_bytes().chunks(2).map(|two| digit(two[0]) << 4 | digit(two[1])).collect()
}

/// A mesh with secrets in it, and what is known of it.
struct Scene {
    mesh: Mesh,
    hunt: Hunt,
    token: String,
}

impl Scene {
    async fn set() -> Self {
        let mut mesh = Mesh::found(2);
        let tokens = mesh.home.path().join("tokens.json").display().to_string();
        let token = run(
            &mesh,
            &["token", "new", "all", "--tokens", &tokens, "--read", "/", "--write", "/", "--observe", "--submit"],
            "",
        );
        let token = token.good().trim().to_owned();
        let file = format!("access.tokens_file={tokens}");
        for (index, format) in ["text", "json"].into_iter().enumerate() {
            let set = ["--log-level", LOUDEST, "--log-format", format, "--http-listen", "127.0.0.1:0", "--set", &file];
            mesh.start(index, &set);
        }
        mesh.wait_serving().await;
        let mut recipients = Recipients::new();
        for index in 0..2 {
            let recipient = mesh.client(index).status().await.unwrap().recipient;
            recipients.insert(format!("node-{index}"), recipient.parse().unwrap());
        }
        let sealed = json::to_string(&seal(SECRET, "vault", recipients, Recipients::new()).unwrap().to_value());
        mesh.put(0, PATH, &sealed).await.unwrap();
        let broken = sealed.replacen("-----END AGE", "AAAA\\n-----END AGE", 1);
        mesh.put(0, "shop/vault/broken", &broken).await.unwrap();
        wait("the secret to be everywhere", || async { mesh.read(1, "shop/vault/broken").await.is_some() }).await;
        let hunt = Hunt::new(canaries(&mesh, &token));
        Self { mesh, hunt, token }
    }

    /// A request on the Unix socket of a node; everything that comes until it closes, or says nothing for a while.
    fn unix(&self, node: usize, method: &str, target: &str, headers: &str) -> Vec<u8> {
        let stream = UnixStream::connect(self.mesh.made.nodes[node].endpoint.trim_start_matches("unix:")).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
        exchange(stream, &format!("{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n"))
    }

    /// The same over TCP, with a token that may do everything a token may.
    fn tcp(&self, node: usize, target: &str) -> Vec<u8> {
        let log = self.mesh.log(node);
        let said = log.split("Some(127.0.0.1:").nth(1).expect("the address in the log");
        let port = said.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        let stream = std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
        let head = format!("host: 127.0.0.1:{port}\r\nconnection: close\r\nauthorization: Bearer {}\r\n", self.token);
        exchange(stream, &format!("GET {target} HTTP/1.1\r\n{head}\r\n"))
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A watch never ends by itself: what came until it fell silent is what there is.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn canaries(mesh: &Mesh, token: &str) -> Vec<Canary> {
    let mut all = vec![Canary::of("the sealed secret", SECRET)];
    let keys = [("the root key", &mesh.made.root_key), ("the operator's key", &mesh.made.operator_key)];
    all.extend(keys.map(|(name, file)| Canary::of(name, &unhex(&secret_line(file)))));
    for index in 0..2 {
        let home = mesh.made.nodes[index].config.parent().unwrap();
        all.push(Canary::of("a node's signing key", &unhex(&secret_line(&home.join("node.key")))));
        let identity = secret_line(&mesh.data(index).join("secrets.key"));
        let digits = identity.strip_prefix("AGE-SECRET-KEY-1").unwrap().to_owned();
        all.push(Canary::of("a node's identity", digits.as_bytes()));
        all.push(Canary::of("a node's identity in small letters", digits.to_lowercase().as_bytes()));
    }
    let digits = token.strip_prefix("dlt_").unwrap();
    all.push(Canary::of("a token", digits.as_bytes()));
    all.push(Canary::of("a token's bytes", &unhex(digits)));
    all
}

/// Every route that the description lists, as something that can be asked.
fn targets(scene: &Scene) -> Vec<String> {
    let text = String::from_utf8_lossy(&scene.unix(0, "GET", "/openapi.json", "")).into_owned();
    let document: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    let log = String::from_utf8_lossy(&scene.unix(0, "GET", "/v1/statements?scope=shop&limit=50", "")).into_owned();
    let page: serde_json::Value = serde_json::from_str(log.split_once("\r\n\r\n").unwrap().1).unwrap();
    let statements = page["statements"].as_array().unwrap();
    let id = statements.last().unwrap()["id"].as_str().unwrap();
    let key = scene.mesh.made.operator.to_string();
    let mut targets =
        vec![format!("/v1/config/{PATH}?watch"), "/v1/config/shop/?watch".to_owned(), "/nothing".to_owned()];
    for (path, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_some() {
            targets.push(path.replace("{path}", PATH).replace("{id}", id).replace("{key}", &key));
        }
    }
    assert!(targets.len() > 25, "{targets:?}");
    targets
}

/// Asks everything over HTTP. One answer gives the secret, and must.
fn ask(scene: &mut Scene) {
    let secret = format!("/v1/secrets/{PATH}");
    for node in 0..2 {
        let given = scene.unix(node, "GET", &secret, "");
        assert!(given.ends_with(SECRET), "node {node} gives the secret: {}", String::from_utf8_lossy(&given));
        assert_eq!(scene.hunt.found_in(&given), ["the sealed secret"], "the hunt finds what is there");
        for target in targets(scene) {
            for headers in
                ["", "accept: application/octet-stream\r\n", "accept: application/vnd.driftless.item+json\r\n"]
            {
                if target != secret && (headers.is_empty() || !target.ends_with("?watch")) {
                    scene.hunt.search(&format!("GET {target} over Unix"), &scene.unix(node, "GET", &target, headers));
                }
            }
            scene.hunt.search(&format!("GET {target} over TCP"), &scene.tcp(node, &target));
        }
        for (method, target) in [
            ("HEAD", secret.as_str()),
            ("PUT", secret.as_str()),
            ("GET", "/v1/secrets/shop/vault/broken"),
            ("GET", "/v1/secrets/shop/nothing"),
            ("GET", "/v1/secrets/shop/vault/password?no=such"),
        ] {
            let answer = scene.unix(node, method, target, "");
            assert!(answer.starts_with(b"HTTP/1.1 "), "{method} {target}");
            scene.hunt.search(&format!("{method} {target}"), &answer);
        }
    }
}

/// Runs every command that can meet a secret, good and bad.
fn command(scene: &mut Scene) {
    let home = scene.mesh.home.path().to_owned();
    let token_file = home.join("all.token");
    std::fs::write(&token_file, &scene.token).unwrap();
    std::fs::set_permissions(&token_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let vault = home.join("vault.key");
    std::fs::write(&vault, SECRET).unwrap();
    let (tokens, export) =
        (home.join("tokens.json").display().to_string(), home.join("export.jsonl").display().to_string());
    let root = scene.mesh.made.root_key.display().to_string();
    let operator = scene.mesh.made.operator.to_string();
    for line in [
        "get / -o json",
        "get shop/vault/password -o yaml",
        "get shop/nothing",
        "history shop/vault/password --long",
        "explain shop/vault/password -o json",
        "conflicts",
        "status -o json -v -v",
        "log --scope shop -o json",
        "audit --long",
        "audit export EXPORT",
        "audit verify EXPORT",
        "trust show",
        "trust check OPERATOR write shop/a",
        "pending",
        "keys show ROOT -o json",
        "keys new ROOT",
        "set shop/a 1 --key ROOT -v -v",
        "set shop/a",
        "delete shop/nothing",
        "grant",
        "revoke OPERATOR shop --dry-run",
        "token list --tokens TOKENS -o json",
        "token new all --tokens TOKENS --read /",
        "context show",
        "version",
        "--help",
        "secret --help",
        "completion bash",
        "completion zsh",
        "completion fish",
        "get / --token-file ALL",
        "get / --token-file TOKENS",
        "set shop/a 1 --key TOKENS",
        "set shop/a 1 --key ALL",
        "set shop/a 1 --key SECRETS",
        "get / --token-file ROOT",
        "keys show SECRETS",
        "token list --tokens SECRETS",
        "keys show ALL",
        "apply -f ROOT --dry-run --key OWN",
        "apply -f SECRETS --dry-run --key OWN",
        "diff -f SECRETS",
        "submit ROOT",
        "inspect SECRETS",
        "audit verify SECRETS",
        "trust show --from ROOT",
        "secret set shop/vault/new --group nobody --from-file ROOT --key OWN",
        "secret recipients add vault node-1 --from-node --key OWN -m canary",
        "secret recipients list",
        "secret set shop/vault/other --group vault --from-file VAULT --key OWN -m canary",
        "secret rotate shop/vault/other --generate 32 --key OWN",
        "secret status -o json",
        "secret reseal vault --key OWN",
        "secret recipients remove vault node-1 --key OWN",
    ] {
        let put_in = line
            .replace("OWN", &scene.mesh.made.operator_key.display().to_string())
            .replace("VAULT", &vault.display().to_string())
            .replace("EXPORT", &export)
            .replace("TOKENS", &tokens)
            .replace("OPERATOR", &operator)
            .replace("ROOT", &root)
            .replace("ALL", &token_file.display().to_string())
            .replace("SECRETS", &scene.mesh.data(0).join("secrets.key").display().to_string());
        let ended = run(&scene.mesh, &put_in.split(' ').collect::<Vec<_>>(), "");
        assert_ne!(ended.code, None, "{line} ended by a signal: {}", ended.err);
        let works = ["secret set shop/vault/other", "secret recipients add", "secret rotate", "secret status"];
        assert!(ended.code == Some(0) || !works.iter().any(|part| line.starts_with(part)), "{line}: {}", ended.err);
        scene.hunt.search(&format!("driftless {line}: standard output"), ended.out.as_bytes());
        scene.hunt.search(&format!("driftless {line}: standard error"), ended.err.as_bytes());
    }
    std::fs::remove_file(&token_file).unwrap();
}

/// A node that is given bad keys, and what looks at its configuration.
fn start_badly(scene: &mut Scene) {
    let config = scene.mesh.made.nodes[0].config.display().to_string();
    let operator = scene.mesh.made.operator_key.display().to_string();
    let identity = scene.mesh.data(0).join("secrets.key").display().to_string();
    let with = |key: &str, value: &str| {
        ["run", "--config", &config, "--set", &format!("{key}={value}")].map(str::to_owned).to_vec()
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for arguments in [
        with("node.key_file", &identity),
        with("node.secrets_key_file", &operator),
        with("node.bundle", &identity),
        words(&format!("config show --config {config}")),
        words(&format!("config check {config}")),
        words(&format!("config check {operator}")),
        words(&format!("config check {identity}")),
        words("config keys"),
        words("--help"),
        words("run --help"),
        words("demo --help"),
    ] {
        let socket = scene.mesh.home.path().join("other.sock");
        let mut command = Command::new(binary("driftlessd"));
        command.env_clear().env("HOME", scene.mesh.home.path()).env("DRIFTLESS_HTTP_SOCKET", socket);
        command.env("DRIFTLESS_NODE_DATA_DIR", scene.mesh.home.path().join("other")).args(&arguments);
        let ended = command.output().unwrap();
        scene.hunt.search(&format!("driftlessd {arguments:?}: standard output"), &ended.stdout);
        scene.hunt.search(&format!("driftlessd {arguments:?}: standard error"), &ended.stderr);
    }
}

/// Looks into the process: what others may see of it, and whether what was opened is still in its memory.
fn look_inside(scene: &mut Scene) -> usize {
    let process = format!("/proc/{}", scene.mesh.pid(0));
    let limits = std::fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "no core file");
    for file in ["cmdline", "environ"] {
        if let Ok(bytes) = std::fs::read(format!("{process}/{file}")) {
            scene.hunt.search(&format!("/proc/PID/{file}"), &bytes);
        }
    }
    // Only root can, since the process is not dumpable.
    let (Ok(maps), Ok(memory)) =
        (std::fs::read_to_string(format!("{process}/maps")), std::fs::File::open(format!("{process}/mem")))
    else {
        return 0;
    };
    let only = Hunt::new(vec![Canary::of("the sealed secret", SECRET)]);
    let mut searched = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let at = |digits| u64::from_str_radix(digits, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(at(to) - at(from)).unwrap()];
        if std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, at(from)).is_ok() {
            searched += bytes.len();
            assert!(only.found_in(&bytes).is_empty(), "the opened secret is still in memory: {line}");
        }
    }
    searched
}

/// Everything on disk but the files that hold keys, which are to.
fn search_files(scene: &mut Scene, at: &FilePath) {
    for file in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
        let (kind, path) = (file.file_type().unwrap(), file.path());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with("core"), "a core file: {name}");
        if kind.is_dir() {
            search_files(scene, &path);
        } else if kind.is_file() && path.extension().is_none_or(|end| end != "key") {
            scene.hunt.search(&format!("file {}", path.display()), &std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_output_of_any_binary_holds_a_secret() {
    let mut scene = Scene::set().await;
    ask(&mut scene);
    command(&mut scene);
    start_badly(&mut scene);
    let memory = look_inside(&mut scene);
    // Crashes that would leave a core file. Not SIGQUIT: what a shell put into the background ignores it.
    scene.mesh.signal(0, "-ABRT");
    assert_eq!(scene.mesh.ended(0), None, "ended by the signal");
    scene.mesh.signal(1, "-TRAP");
    assert_eq!(scene.mesh.ended(1), None, "ended by the signal");
    let (text, lines) = (scene.mesh.log(0), scene.mesh.log(1));
    assert!(text.contains("TRACE") && lines.contains("\"level\":\"TRACE\""), "the logs are the loudest that there are");
    assert_eq!(text.matches("this node opens what is sealed to its recipient").count(), 1, "told once");
    let home = scene.mesh.home.path().to_owned();
    search_files(&mut scene, &home);
    let totals: BTreeMap<_, _> = [("outputs", scene.hunt.outputs), ("bytes", scene.hunt.bytes)].into();
    assert!(scene.hunt.leaks.is_empty(), "{:#?}", scene.hunt.leaks);
    assert!(scene.hunt.outputs > 300, "{totals:?}");
    crate::figures::say(&format!(
        "canary: 0 leaks of {} canaries in {} outputs, {} bytes; and the opened secret in 0 of {memory} bytes of a node's memory",
        scene.hunt.canaries(),
        scene.hunt.outputs,
        scene.hunt.bytes
    ));
}
