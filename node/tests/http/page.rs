//! The page about the HTTP API against a real node: its examples are captures, its problems are all of them.
//! `DRIFTLESS_WRITE_DOCS=1` writes the captures into the page.

use driftless_node::http::Kind;
use driftless_statement::codec::{self, Item};
use driftless_statement::{Body, Frontier, Prefix, Revoke, Scope};
use tokio::io::AsyncWriteExt;

use crate::support::raw::{self, Reply};
use crate::support::{self, World};

const PAGE: &str = include_str!("../../../docs/http-api.md");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/http-api.md");
const SHOWN: [&str; 9] = [
    "content-type",
    "etag",
    "allow",
    "retry-after",
    "driftless-digest",
    "driftless-revision",
    "driftless-staleness",
    "driftless-differs",
    "driftless-isolated",
];

/// Captures requests and answers.
struct Scribe {
    world: World,
    text: String,
}

impl Scribe {
    async fn show(&mut self, title: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let reply = self.world.ask(method, target, headers, body).await;
        let sent: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = if body.is_empty() { String::new() } else { format!("\n{body}\n") };
        self.write(title, &format!("{method} {target}\n{sent}{body}"), &reply);
        reply
    }

    fn write(&mut self, title: &str, request: &str, reply: &Reply) {
        let status = reply.head.lines().next().unwrap_or_default();
        let shown = SHOWN.iter().filter_map(|name| reply.header(name).map(|value| format!("{name}: {value}\n")));
        let shown: String = shown.collect();
        let kind = reply.header("content-type").unwrap_or_default();
        let body = if kind.contains("jsonl") {
            let cut = |line: &str| line.chars().take(180).chain(['…']).collect::<String>();
            reply.text().lines().map(cut).collect::<Vec<_>>().join("\n")
        } else if kind.contains("json") {
            serde_json::to_string_pretty(&reply.json()).unwrap()
        } else {
            reply.text().trim_end().to_owned()
        };
        let body = shortened(&body);
        let body = if body.is_empty() { String::new() } else { format!("\n{body}\n") };
        self.text.push_str(&format!("### {title}\n\n```http\n{request}```\n\n```http\n{status}\n{shown}{body}```\n\n"));
    }
}

/// Long bodies are cut: the page shows shapes, not everything.
fn shortened(body: &str) -> String {
    let lines: Vec<&str> = body.lines().collect();
    if lines.len() <= 60 { body.to_owned() } else { format!("{}\n…", lines[..60].join("\n")) }
}

/// What differs from run to run made equal: ids, digests, times, numbers.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit());
        let digits = word.chars().any(|c| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_digit() || c == 'T' || c == 'Z');
        out.push_str(if hex || digits { "#" } else { word });
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

/// An answer that comes in parts, up to the part with this text.
async fn parts(world: &World, target: &str, until: &str) -> Reply {
    let mut stream = world.unix().await;
    stream.write_all(&raw::request("GET", target, &[], "")).await.unwrap();
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(until) {
        assert!(raw::more(&mut stream, &mut bytes).await);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let framing = |line: &&str| !line.is_empty() && line.chars().all(|c| c.is_ascii_hexdigit());
    let lines: Vec<&str> = body.split("\r\n").filter(|line| !framing(line)).collect();
    Reply { status: 200, head: format!("{head}\r\n"), body: lines.concat().into_bytes() }
}

async fn captures() -> String {
    let mut scribe = Scribe { world: World::start().await, text: String::new() };
    let json = ("content-type", "application/json");
    let url = "/v1/config/shop/checkout/limits";
    let value = r#"{"burst":40,"hosts":["a.example","b.example"],"max":7}"#;
    let note = ("driftless-reason", "first limits");
    scribe.show("Write an entry", "PUT", url, &[json, ("if-none-match", "*"), note], value).await;
    let read = scribe.show("Read it", "GET", url, &[], "").await;
    let tag = read.header("etag").unwrap().to_owned();
    scribe.show("Read it only when it changed", "GET", url, &[("if-none-match", &tag)], "").await;
    let item = ("accept", driftless_client::api::ITEM);
    scribe.show("Read it with what is known about it", "GET", url, &[item], "").await;
    let merge = ("content-type", "application/merge-patch+json");
    scribe.show("Merge patch", "PATCH", url, &[merge, ("if-match", &tag)], r#"{"max":9}"#).await;
    let patch = ("content-type", "application/json-patch+json");
    let operations = r#"[{"op":"test","path":"/max","value":9},{"op":"add","path":"/hosts/1","value":"c.example"}]"#;
    scribe.show("JSON patch", "PATCH", url, &[patch], operations).await;
    scribe.show("A write that comes too late", "PUT", url, &[json, ("if-match", &tag)], "{}").await;
    scribe.show("A write without a grant", "PUT", "/v1/config/platform/dns", &[json], "{}").await;
    scribe.world.put("shop/checkout/flags", "true").await;
    scribe.show("List a prefix", "GET", "/v1/config?prefix=shop&limit=1", &[], "").await;
    scribe.show("A scope that is not held", "GET", "/v1/config/elsewhere/a", &[], "").await;
    let target = "/v1/config/shop/checkout/flags?watch";
    let watched = parts(&scribe.world, target, "event: alive").await;
    scribe.write("Watch", &format!("GET {target}\n"), &watched);
    let author = support::node_key().public();
    scribe
        .show("What a signer needs", "GET", &format!("/v1/merged/shop/checkout/limits?author={author}"), &[], "")
        .await;
    let one = scribe.world.mesh.put("shop/checkout/flags", "false");
    let bytes = codec::encode(&Item::bytes(&one.wire()));
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor-seq\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    let reply = scribe.world.send(&[head.as_bytes(), &bytes].concat()).await;
    let request = "POST /v1/statements\ncontent-type: application/cbor-seq\n\n(one CBOR byte string)\n";
    scribe.write("Submit a statement signed elsewhere", request, &reply);
    scribe.show("Conflicts", "GET", "/v1/conflicts?prefix=shop", &[], "").await;
    scribe.show("What is pending", "GET", "/v1/pending?prefix=shop", &[], "").await;
    scribe.show("History", "GET", "/v1/history/shop/checkout/limits?limit=1", &[], "").await;
    scribe.show("Explain", "GET", "/v1/explain/shop/checkout/flags", &[], "").await;
    scribe.show("One statement", "GET", &format!("/v1/statements/{}", one.id()), &[], "").await;
    scribe.show("The log", "GET", "/v1/statements?scope=shop&limit=1", &[], "").await;
    scribe.show("Who has a change", "GET", &format!("/v1/changes/{}", one.id()), &[], "").await;
    scribe.show("Divergence", "GET", "/v1/divergence", &[], "").await;
    // The operator's key: it has one grant, so their order, by id, is the same in each run.
    let operator = support::root_key().public();
    scribe.show("Grants", "GET", &format!("/v1/grants?key={operator}"), &[], "").await;
    scribe.show("What a key has said", "GET", &format!("/v1/authors/{operator}"), &[], "").await;
    let mesh = &mut scribe.world.mesh;
    let prefix = Prefix::parse("shop").unwrap();
    let body = Body::from(Revoke { key: operator, prefix, frontier: Frontier::nothing() });
    let genesis = mesh.genesis.id();
    let act = mesh.sign(&support::root_key(), Scope::mesh(), genesis, vec![], body);
    let bytes = codec::encode(&Item::bytes(&act.wire()));
    let head = format!(
        "POST /v1/preview HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor-seq\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    let reply = scribe.world.send(&[head.as_bytes(), &bytes].concat()).await;
    let request = "POST /v1/preview\ncontent-type: application/cbor-seq\n\n(one CBOR byte string: a revocation)\n";
    scribe.write("What an act would change", request, &reply);
    scribe.show("An audit", "GET", "/v1/audit?prefix=shop/checkout/flags&limit=1", &[], "").await;
    scribe.show("What was refused", "GET", "/v1/attempts", &[], "").await;
    let target = "/v1/audit/export?scope=shop";
    let exported = parts(&scribe.world, target, "{\"end\":").await;
    scribe.write("An export to be judged elsewhere", &format!("GET {target}\n"), &exported);
    scribe.world.put("shop/checkout/password", &support::sealed(b"hunter2")).await;
    scribe.show("Open a secret", "GET", "/v1/secrets/shop/checkout/password", &[], "").await;
    scribe.show("A value that is not sealed", "GET", "/v1/secrets/shop/checkout/limits", &[], "").await;
    scribe.show("Status", "GET", "/v1/status", &[], "").await;
    scribe.show("Alive", "GET", "/livez", &[], "").await;
    scribe.show("Ready", "GET", "/readyz", &[], "").await;
    scribe.show("Delete an entry", "DELETE", url, &[], "").await;
    scribe.show("A method that a route does not have", "DELETE", "/v1/status", &[], "").await;
    scribe.text
}

/// The table of problems.
fn problems() -> String {
    let rows = Kind::ALL.iter().map(|kind| {
        let (word, status, title) = kind.parts();
        format!("| `{word}` | {} | {title} |\n", status.as_u16())
    });
    format!("| word | status | title |\n| --- | --- | --- |\n{}", rows.collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_are_captures() {
    let captured = captures().await;
    let (prose, shown) =
        PAGE.split_once("## Examples\n\nCaptured from a node by the test that checks this page.\n\n").unwrap();
    if std::env::var_os("DRIFTLESS_WRITE_DOCS").is_some() {
        let prose = prose.replace("PROBLEMS\n", &problems());
        let page = format!(
            "{prose}## Examples\n\nCaptured from a node by the test that checks this page.\n\n{}\n",
            captured.trim_end()
        );
        std::fs::write(PATH, page).unwrap();
        return;
    }
    let (captured, shown) = (timeless(captured.trim_end()), timeless(shown.trim_end()));
    for (line, (now, then)) in captured.lines().zip(shown.lines()).enumerate() {
        assert_eq!(
            now, then,
            "line {line} of the examples; run with DRIFTLESS_WRITE_DOCS=1 and look at the difference"
        );
    }
    assert_eq!(captured.lines().count(), shown.lines().count());
}

#[test]
fn the_page_lists_every_problem() {
    if std::env::var_os("DRIFTLESS_WRITE_DOCS").is_none() {
        assert!(PAGE.contains(&problems()), "{}", problems());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_has_an_example() {
    let world = World::start().await;
    let document = world.get("/openapi.json").await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let start = path.split('{').next().unwrap();
        // These two are other names, and these two show themselves.
        if matches!(path.as_str(), "/v1/log" | "/v1/config/" | "/openapi.json" | "/metrics") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let example = format!("```http\n{} {start}", method.to_uppercase());
            assert!(PAGE.contains(&example), "{method} {path}");
        }
    }
}
