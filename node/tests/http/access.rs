//! Who may do what: roles and tokens over real sockets, in front of the real core. What a caller may not read shows nowhere,
//! and looks like what is not there.

use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driftless_client::tokens::{self, Known, Rights, Token, TokenError};
use driftless_node::config::Access;
use driftless_statement::{Body, Edit, Op, Path, Prefix, Revoke, Touch, Value, Write, codec};
use tokio::io::AsyncWriteExt;

use crate::support::raw::{self, Reply, request};
use crate::support::{self, Mesh, World};

const JSON: (&str, &str) = ("content-type", "application/json");
const PATIENCE: Duration = Duration::from_secs(60);

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn rights(read: &[&str], write: &[&str]) -> Rights {
    let list = |texts: &[&str]| texts.iter().map(|text| tokens::prefix(text).unwrap()).collect();
    Rights { read: list(read), write: list(write), ..Rights::default() }
}

/// A node with a file of tokens, which TCP needs.
struct Guarded {
    world: World,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

fn add(file: &FilePath, name: &str, rights: Rights, life_ms: u64) -> Token {
    let token = Token::generate().unwrap();
    let (created_ms, expires_ms) = (now_ms(), now_ms() + life_ms);
    let known = Known { name: name.to_owned(), hash: token.hash(), created_ms, expires_ms, rights };
    let push = |tokens: &mut Vec<Known>| {
        tokens.push(known);
        Ok::<_, TokenError>(())
    };
    tokens::update(file, push).unwrap();
    token
}

fn revoke(file: &FilePath, name: &str) {
    let remove = |tokens: &mut Vec<Known>| {
        tokens.retain(|known| known.name != name);
        Ok::<_, TokenError>(())
    };
    tokens::update(file, remove).unwrap();
}

impl Guarded {
    /// A node with these tokens, and the tokens.
    async fn with<const N: usize>(list: [(&str, Rights); N]) -> (Self, [Token; N]) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens.json");
        let made = list.map(|(name, rights)| add(&file, name, rights, 3_600_000));
        let access = Access { tokens_file: file.clone(), ..Access::default() };
        let world = World::with(|settings| settings.access = access).await;
        (Self { world, file, _dir: dir }, made)
    }

    async fn ask(&self, token: &Token, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let bearer = format!("Bearer {}", token.expose());
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.world.ask_tcp(method, target, &all, body).await
    }

    async fn get(&self, token: &Token, target: &str) -> Reply {
        self.ask(token, "GET", target, &[], "").await
    }

    /// Asks until the answer has this status.
    async fn until(&self, token: &Token, target: &str, status: u16) -> Duration {
        let begin = std::time::Instant::now();
        while self.get(token, target).await.status != status {
            assert!(begin.elapsed() < PATIENCE, "{target} never answered {status}");
        }
        begin.elapsed()
    }
}

/// Every operation that the description lists, as something that can be asked.
async fn operations(world: &World) -> Vec<(String, String)> {
    let document = world.get("/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let target =
            path.replace("{path}", "shop/a").replace("{id}", &"0".repeat(64)).replace("{key}", &"0".repeat(64));
        operations.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), target.clone())));
    }
    assert!(operations.len() >= 22, "{operations:?}");
    operations
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_refused_to_a_caller_without_rights() {
    let (node, [empty, all]) = Guarded::with([("empty", Rights::default()), ("all", Rights::all())]).await;
    let stranger = Token::generate().unwrap();
    let mut known = Vec::new();
    let secret = |(_, target): &(String, String)| target.starts_with("/v1/secrets/");
    let (secrets, others): (Vec<_>, Vec<_>) = operations(&node.world).await.into_iter().partition(secret);
    assert_eq!(secrets.len(), 1, "tests/http/secrets.rs is about it");
    for (method, target) in others {
        let anonymous = node.world.ask_tcp(&method, &target, &[JSON], "").await;
        let challenge = anonymous.header("www-authenticate").map(str::to_owned);
        assert_eq!((anonymous.status, challenge.as_deref()), (401, Some("Bearer realm=\"driftless\"")), "{target}");
        assert_eq!(anonymous.header("driftless-revision"), None, "a stranger learns nothing of changes");
        let unknown = node.ask(&stranger, &method, &target, &[JSON], "").await;
        assert_eq!(unknown.problem(), "unauthorized", "{method} {target}");
        assert!(unknown.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        match node.ask(&empty, &method, &target, &[JSON], "").await {
            reply if reply.status == 403 => assert_eq!(reply.problem(), "forbidden", "{method} {target}"),
            reply => {
                assert_eq!(reply.status, 200, "{method} {target}");
                known.push(target.clone());
            }
        }
        let whole = node.ask(&all, &method, &target, &[JSON], "").await;
        assert!(![401, 403].contains(&whole.status) || whole.problem() == "no_grant", "{method} {target}: {whole:?}");
    }
    known.sort();
    assert_eq!(known, ["/livez", "/openapi.json", "/readyz"], "what a role without rights may ask");
    assert_eq!(node.world.ask_tcp("GET", "/no/such/route", &[], "").await.status, 401);
    let metrics = node.world.get("/metrics").await.text();
    for reason in ["token_missing", "token_unknown", "read", "write", "observe", "submit"] {
        let line = format!("driftless_http_requests_denied_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&line), "{line}");
    }
}

/// A statement about two entries, of which a caller may read one.
fn about_two(mesh: &mut Mesh) -> std::sync::Arc<driftless_statement::Verified> {
    let put = |text: &str| vec![Edit { at: vec![], op: Op::Put(Value::Text(text.into())) }];
    let touch = |path: &str| Touch { path: Path::parse(path).unwrap(), bases: vec![] };
    let body = Body::Write(Write { edits: vec![put("seen"), put("canary-two")] });
    let grant = mesh.grants[3].id();
    let touches = vec![touch("shop/open/two"), touch("shop/secret/two")];
    mesh.sign(&support::root_key(), "shop".parse().unwrap(), grant, touches, body)
}

async fn submit(world: &World, wires: &[&[u8]]) {
    let body: Vec<u8> = wires.iter().flat_map(|wire| codec::encode(&codec::Item::bytes(wire))).collect();
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor-seq\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    assert_eq!(world.send(&[head.as_bytes(), &body].concat()).await.status, 200);
}

/// Puts canaries wherever a value can lie: values, keys, notes, conflicts, history, void statements.
async fn plant(node: &mut Guarded) -> (String, String, String) {
    let (both, one, other) = {
        let mesh = &mut node.world.mesh;
        (
            about_two(mesh),
            mesh.put("shop/secret/fight", "\"canary-left\""),
            mesh.put("shop/secret/fight", "\"canary-right\""),
        )
    };
    let open = node.world.mesh.put("shop/open/fight", "1");
    let against = node.world.mesh.put("shop/open/fight", "2");
    let wires = [&both, &one, &other, &open, &against].map(|statement| statement.wire().to_vec());
    submit(&node.world, &wires.each_ref().map(Vec::as_slice)).await;
    let reason = ("driftless-reason", "canary-note");
    for value in ["\"canary-first\"", "{\"canary-key\": 1}"] {
        node.world.ask("PUT", "/v1/config/shop/secret/a", &[JSON, reason], value).await;
    }
    node.world.put("shop/open/a", "\"seen\"").await;
    (both.id().to_string(), one.id().to_string(), open.id().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_read_shows_nowhere() {
    let some = Rights { observe: true, ..rights(&["shop/open", "@mesh"], &[]) };
    let (mut node, [token]) = Guarded::with([("some", some)]).await;
    let (both, secret, open) = plant(&mut node).await;
    assert_eq!(node.get(&token, "/v1/config/shop/open/a").await.text(), "\"seen\"");
    let author = support::root_key().public();
    for target in [
        "/v1/config",
        "/v1/config/",
        "/v1/config/shop/",
        "/v1/config?prefix=shop",
        "/v1/config?prefix=shop/open",
        "/v1/config/shop/open/two",
        "/v1/merged/shop/open/two",
        "/v1/history/shop/open/two",
        "/v1/explain/shop/open/two",
        "/v1/explain/shop/open/fight",
        "/v1/conflicts",
        "/v1/conflicts?prefix=shop",
        "/v1/divergence",
        "/v1/status",
        "/v1/statements",
        "/v1/statements?scope=shop",
        "/v1/log",
        "/v1/grants",
        "/metrics",
        "/openapi.json",
        "/readyz",
        &format!("/v1/authors/{author}"),
        &format!("/v1/changes/{both}"),
        &format!("/v1/statements/{both}"),
        &format!("/v1/changes/{open}"),
    ] {
        let reply = node.get(&token, target).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        assert!(!format!("{}{}", reply.head, reply.text()).contains("canary"), "{target}: {}", reply.text());
        assert!(!reply.text().contains("shop/secret"), "{target}: {}", reply.text());
        assert_eq!(reply.header("driftless-digest"), None, "{target}");
    }
    // Digests and counts are of scopes that may be read whole.
    let scopes = |told: &serde_json::Value| {
        let rows = told["scopes"].as_array().unwrap().iter();
        rows.map(|row| row["scope"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scopes(&node.get(&token, "/v1/status").await.json()), ["@mesh"]);
    assert_eq!(scopes(&node.get(&token, "/v1/divergence").await.json()["nodes"][0]), ["@mesh"]);
    let told = node.get(&token, &format!("/v1/authors/{author}")).await.json();
    assert_eq!(scopes(&told), ["@mesh"]);
    assert_eq!(told["only"], serde_json::json!(["@mesh"]), "and says that there may be more");
    let conflicts = node.get(&token, "/v1/conflicts").await.json();
    assert_eq!((&conflicts["total"], conflicts["conflicts"].as_array().unwrap().len()), (&1.into(), 1));
    let cut = node.get(&token, &format!("/v1/statements/{both}")).await.json();
    assert_eq!((cut["paths"].as_array().unwrap().len(), cut["edits"].as_array().unwrap().len()), (1, 1));
    let listed = node.get(&token, "/v1/log?limit=1000").await.json();
    let ids: Vec<&str> =
        listed["statements"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&both.as_str()) && ids.contains(&open.as_str()) && !ids.contains(&secret.as_str()));
    let octets = [("accept", "application/octet-stream")];
    let wire = node.ask(&token, "GET", &format!("/v1/statements/{open}"), &octets, "").await;
    assert_eq!(wire.status, 200, "{}", wire.text());
    for id in [&both, &secret] {
        let wire = node.ask(&token, "GET", &format!("/v1/statements/{id}"), &octets, "").await;
        assert_eq!(wire.problem(), "not_found", "bytes cannot be cut");
    }
    let mesh = &mut node.world.mesh;
    let body = Body::from(Revoke {
        key: author,
        prefix: Prefix::parse("shop").unwrap(),
        frontier: driftless_statement::Frontier::nothing(),
    });
    let genesis = mesh.genesis.id();
    let act = mesh.sign(&support::root_key(), driftless_statement::Scope::mesh(), genesis, vec![], body);
    let acts = codec::encode(&codec::Item::bytes(&act.wire()));
    let mut stream = node.world.tcp().await;
    let head = format!(
        "POST /v1/preview HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: bearer {}\r\ncontent-type: application/cbor-seq\r\n\
         content-length: {}\r\n\r\n",
        node.world.tcp.port(),
        token.expose(),
        acts.len()
    );
    let preview = raw::exchange(&mut stream, &[head.as_bytes(), &acts].concat()).await;
    assert!(preview.status == 200 && preview.text().contains("shop/open/two"), "{}", preview.text());
    assert!(!preview.text().contains("canary") && !preview.text().contains("shop/secret"), "{}", preview.text());
    assert_eq!(preview.json()["voided"], serde_json::json!({}));
}

/// An answer with what was asked for and what changes from moment to moment taken out.
fn plain(reply: &Reply, asked: &str) -> String {
    let moving = ["date:", "driftless-revision:", "driftless-staleness:"];
    let head: String = reply.head.lines().filter(|line| !moving.iter().any(|name| line.starts_with(name))).collect();
    format!("{head}{}", reply.text()).replace(asked, "ASKED")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forbidden_looks_like_the_absent() {
    let some = Rights { observe: true, submit: true, ..rights(&["shop/open"], &["shop/open"]) };
    let (mut node, [token]) = Guarded::with([("some", some)]).await;
    let (_, secret, _) = plant(&mut node).await;
    let nothing = "9".repeat(64);
    for route in ["/v1/statements/", "/v1/changes/"] {
        let hidden = node.get(&token, &format!("{route}{secret}")).await;
        let absent = node.get(&token, &format!("{route}{nothing}")).await;
        assert_eq!(hidden.status, 404);
        assert_eq!(plain(&hidden, &secret), plain(&absent, &nothing), "{route}");
    }
    // Equally long, so that nothing but the name may differ.
    let (there, not) = ("shop/secret/a", "shop/secret/b");
    for (method, route, query, body) in [
        ("GET", "/v1/config/", "", ""),
        ("HEAD", "/v1/config/", "", ""),
        ("GET", "/v1/config/", "?watch", ""),
        ("GET", "/v1/config/", "/", ""),
        ("GET", "/v1/merged/", "", ""),
        ("GET", "/v1/history/", "", ""),
        ("GET", "/v1/explain/", "", ""),
        ("GET", "/v1/config?prefix=", "", ""),
        ("GET", "/v1/conflicts?prefix=", "", ""),
        ("PUT", "/v1/config/", "", "1"),
        ("PUT", "/v1/config/", "", "no JSON"),
        ("PATCH", "/v1/config/", "", "{}"),
        ("DELETE", "/v1/config/", "", ""),
    ] {
        let ask = |path: &str| {
            let target = format!("{route}{path}{query}");
            let (node, token) = (&node, &token);
            async move { node.ask(token, method, &target, &[JSON, ("connection", "close")], body).await }
        };
        let (hidden, absent) = (ask(there).await, ask(not).await);
        assert_eq!(hidden.status, 403, "{method} {route}{query}: {}", hidden.text());
        assert_eq!(plain(&hidden, there), plain(&absent, not), "{method} {route}");
        // And not even whether this node holds the scope.
        let elsewhere = ask("elsewhere/b/b").await;
        assert_eq!(plain(&elsewhere, "elsewhere/b/b"), plain(&absent, not), "{method} {route}");
    }
    assert_eq!(node.get(&token, "/v1/config/shop/open/nothing").await.problem(), "not_found");
}

/// Reads a watch until `wanted` stands in it; `None`: it ended before.
async fn watched(stream: &mut tokio::net::TcpStream, seen: &mut Vec<u8>, wanted: &str) -> Option<()> {
    tokio::time::timeout(PATIENCE, async {
        while !String::from_utf8_lossy(seen).contains(wanted) {
            if !raw::more(stream, seen).await {
                return None;
            }
        }
        Some(())
    })
    .await
    .expect("the watch to go on or to end")
}

async fn open_watch(node: &Guarded, token: &Token, target: &str) -> (tokio::net::TcpStream, Vec<u8>) {
    let mut stream = node.world.tcp().await;
    let (host, bearer) = (format!("127.0.0.1:{}", node.world.tcp.port()), format!("Bearer {}", token.expose()));
    let headers = [("host", host.as_str()), ("authorization", bearer.as_str())];
    stream.write_all(&request("GET", target, &headers, "")).await.unwrap();
    let mut seen = Vec::new();
    watched(&mut stream, &mut seen, "event: synced").await.expect("the state");
    (stream, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_what_may_be_read_and_ends_with_its_token() {
    let (node, [gone, stays]) = Guarded::with([("gone", rights(&["shop/open"], &[])), ("stays", Rights::all())]).await;
    node.world.put("shop/open/a", "1").await;
    node.world.put("shop/secret/a", "\"canary\"").await;
    let (mut stream, mut seen) = open_watch(&node, &gone, "/v1/config/?watch").await;
    let (mut other, mut kept) = open_watch(&node, &stays, "/v1/config/?watch").await;
    node.world.put("shop/secret/b", "\"canary\"").await;
    node.world.ask("DELETE", "/v1/config/shop/secret/a", &[], "").await;
    node.world.put("shop/open/b", "2").await;
    watched(&mut stream, &mut seen, "shop/open/b").await.expect("what may be read");
    let text = String::from_utf8_lossy(&seen).into_owned();
    assert!(text.contains("shop/open/a") && !text.contains("canary") && !text.contains("secret"), "{text}");
    revoke(&node.file, "gone");
    let begin = std::time::Instant::now();
    assert_eq!(watched(&mut stream, &mut seen, "no such text").await, None, "the watch ends");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(String::from_utf8_lossy(&seen).ends_with("0\r\n\r\n"), "and ends properly");
    assert_eq!(node.get(&gone, "/v1/config/shop/open/a").await.problem(), "unauthorized");
    node.world.put("shop/open/c", "3").await;
    watched(&mut other, &mut kept, "shop/open/c").await.expect("other watches go on");

    let short = add(&node.file, "short", rights(&["shop"], &[]), 3_000);
    node.until(&short, "/v1/config/shop/open/a", 200).await;
    let (mut stream, mut seen) = open_watch(&node, &short, "/v1/config/shop/?watch").await;
    assert_eq!(watched(&mut stream, &mut seen, "no such text").await, None, "it ends when the token expires");
    let expired = node.get(&short, "/v1/config/shop/open/a").await;
    assert!(expired.problem() == "unauthorized" && expired.text().contains("expired"), "{}", expired.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_what_its_bearer_is_judged_by_on_both_sockets() {
    let (node, [reader, writer]) =
        Guarded::with([("reader", rights(&["shop/a"], &[])), ("writer", rights(&[], &["shop/a"]))]).await;
    let put = node.ask(&writer, "PUT", "/v1/config/shop/a/x", &[JSON], "1").await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(node.get(&reader, "/v1/config/shop/a/x").await.text(), "1");
    assert_eq!(node.get(&writer, "/v1/config/shop/a/x").await.text(), "1", "who may write may read");
    assert_eq!(node.ask(&reader, "PUT", "/v1/config/shop/a/x", &[JSON], "2").await.problem(), "forbidden");
    // On the Unix socket everything is open here, and a token still narrows it.
    let bearer = format!("Bearer {}", reader.expose());
    let header = [("authorization", bearer.as_str())];
    assert_eq!(node.world.ask("GET", "/v1/config/shop/b", &header, "").await.problem(), "forbidden");
    assert_eq!(node.world.get("/v1/config/shop/b").await.problem(), "not_found");
    let wrong = [("authorization", "Basic dXNlcjpwYXNz")];
    assert_eq!(node.world.ask("GET", "/v1/config/shop/a/x", &wrong, "").await.problem(), "unauthorized");
    // A broken file changes nothing but what is said about it.
    std::fs::write(&node.file, "{").unwrap();
    let begin = std::time::Instant::now();
    while !node.world.get("/readyz").await.text().contains("the last good set holds") {
        assert!(begin.elapsed() < PATIENCE, "the broken file was not noticed");
    }
    assert_eq!(node.get(&reader, "/v1/config/shop/a/x").await.status, 200);
    assert!(node.world.get("/metrics").await.text().contains("\ndriftless_tokens_file_broken 1\n"));
}

/// Name, what stands in `Authorization` (`TOKEN` for a good one; a line end begins another header).
const HEADERS: &[(&str, &str)] = &[
    ("authorization that is empty", ""),
    ("scheme without a token", "Bearer"),
    ("scheme and a space", "Bearer "),
    ("token without a scheme", "TOKEN"),
    ("another scheme", "Basic TOKEN"),
    ("scheme that only begins alike", "Bearers TOKEN"),
    ("scheme and token with a tab", "Bearer\tTOKEN"),
    ("token in quotes", "Bearer \"TOKEN\""),
    ("token in upper case", "Bearer UPPER"),
    ("token without its start", "Bearer BARE"),
    ("token with a digit more", "Bearer TOKEN0"),
    ("token with something behind it", "Bearer TOKEN, realm=x"),
    ("two tokens in one header", "Bearer TOKEN TOKEN"),
    ("two authorizations", "Bearer TOKEN\r\nauthorization: Bearer TOKEN"),
    ("token that nobody made", "Bearer dlt_0000000000000000000000000000000000000000000000000000000000000000"),
    ("hash of a token in its place", "Bearer dlt_HASH"),
    ("authorization of ten thousand bytes", "Bearer LONG"),
    ("token that is not ASCII", "Bearer dlt_\u{e9}"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_authorizations_are_refused_and_not_repeated() {
    let (node, [token]) = Guarded::with([("all", Rights::all())]).await;
    let (text, hash) = (token.expose().to_owned(), token.hash().to_string());
    for (name, header) in HEADERS {
        let value = header
            .replace("TOKEN", &text)
            .replace("UPPER", &text.to_uppercase())
            .replace("BARE", text.trim_start_matches("dlt_"))
            .replace("HASH", &hash)
            .replace("LONG", &"x".repeat(10_000));
        for reply in [
            node.world.ask_tcp("GET", "/v1/status", &[("authorization", &value)], "").await,
            node.world.ask("GET", "/v1/status", &[("authorization", &value)], "").await,
        ] {
            assert_eq!(reply.problem(), "unauthorized", "{name}: {reply:?}");
            assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer "), "{name}");
            let digits = text.trim_start_matches("dlt_").to_owned();
            assert!(!format!("{}{}", reply.head, reply.text()).contains(&digits), "{name}: the token is repeated");
        }
    }
    for (name, target) in [
        ("token in the query", format!("/v1/status?access_token={text}")),
        ("token in the query by another name", format!("/v1/status?token={text}")),
    ] {
        assert_eq!(node.world.ask_tcp("GET", &target, &[], "").await.problem(), "unauthorized", "{name}");
        let reply = node.world.get(&target).await;
        assert_eq!(reply.problem(), "query", "{name}");
        assert!(!reply.text().contains(&text), "{name}: the token is repeated");
    }
    assert_eq!(node.ask(&token, "GET", "/v1/status", &[], "").await.status, 200);
}
