//! Bad input over HTTP: each case has a name, the status and the word of the problem. Reads go on after all of them.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::World;
use crate::support::raw::{self, Reply, request};

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const SEQ: (&str, &str) = ("content-type", "application/cbor-seq");

/// A case: name, request, status, problem.
type Case = (&'static str, Vec<u8>, u16, &'static str);

fn get(name: &'static str, target: &str, status: u16, word: &'static str) -> Case {
    (name, request("GET", target, &[], ""), status, word)
}

fn put(name: &'static str, headers: &[(&str, &str)], body: &str, status: u16, word: &'static str) -> Case {
    (name, request("PUT", "/v1/config/shop/limits", headers, body), status, word)
}

fn patch(name: &'static str, kind: (&str, &str), body: &str, status: u16, word: &'static str) -> Case {
    (name, request("PATCH", "/v1/config/shop/limits", &[kind], body), status, word)
}

fn paths() -> Vec<Case> {
    let long = format!("/v1/config/shop/{}", "a".repeat(600));
    let deep = format!("/v1/config/shop{}", "/a".repeat(16));
    let list = [
        ("traversal up", "/v1/config/shop/../platform/a"),
        ("traversal in place", "/v1/config/shop/./a"),
        ("traversal escaped", "/v1/config/shop/%2e%2e/a"),
        ("traversal by escaped slash", "/v1/config/shop/..%2Fa"),
        ("escaped slash", "/v1/config/shop%2flimits"),
        ("NUL", "/v1/config/shop/a%00"),
        ("line end", "/v1/config/shop/a%0d%0ax"),
        ("space", "/v1/config/shop/a%20b"),
        ("doubled slash", "/v1/config/shop//a"),
        ("leading slash", "/v1/config//shop/a"),
        ("backslash", "/v1/config/shop/a%5cb"),
        ("percent twice", "/v1/config/shop/%2561"),
        ("half an escape", "/v1/config/shop/a%2"),
        ("escape that is none", "/v1/config/shop/a%zz"),
        ("Cyrillic that looks like a", "/v1/config/shop/%d0%b0"),
        ("full-width letter", "/v1/config/shop/%ef%bd%81"),
        ("combining accent", "/v1/config/shop/a%cc%81"),
        ("right-to-left override", "/v1/config/shop/a%e2%80%aeb"),
        ("overlong UTF-8 slash", "/v1/config/shop/%c0%af"),
        ("lone surrogate", "/v1/config/shop/%ed%a0%80"),
        ("scope alone", "/v1/config/shop"),
        ("reserved scope", "/v1/config/@root/a"),
        ("colon", "/v1/config/shop/a:b"),
        ("star", "/v1/config/shop/*"),
        ("path of 600 bytes", long.as_str()),
        ("path of 17 segments", deep.as_str()),
        ("prefix with traversal", "/v1/config?prefix=shop/.."),
        ("huge prefix", &format!("/v1/config?prefix=shop/{}", "b".repeat(3000))),
        ("prefix with NUL", "/v1/conflicts?prefix=%00"),
        ("after that is no path", "/v1/config?after=%2e%2e"),
        ("scope with slash", "/v1/statements?scope=shop/a"),
        ("history of a bad path", "/v1/history/shop/..%00"),
        ("explain of a bad path", "/v1/explain/shop"),
        ("merged of a bad path", "/v1/merged/shop/.."),
    ]
    .map(|(name, target)| get(name, target, 400, "path"));
    list.into()
}

fn questions() -> Vec<Case> {
    let target = format!("/v1/config/shop/limits?since={}", "a".repeat(5000));
    vec![
        get("unknown parameter", "/v1/config?prefx=shop", 400, "query"),
        get("unknown parameter on an entry", "/v1/config/shop/limits?pretty", 400, "query"),
        get("parameter twice", "/v1/config?limit=1&limit=2", 400, "query"),
        get("limit 0", "/v1/config?limit=0", 400, "query"),
        get("limit too large", "/v1/config?limit=1001", 400, "query"),
        get("limit negative", "/v1/statements?limit=-1", 400, "query"),
        get("limit beyond 64 bits", "/v1/config?limit=99999999999999999999", 400, "query"),
        get("watch=yes", "/v1/config/shop/limits?watch=yes", 400, "query"),
        get("cursor that is none", "/v1/statements?before=1.2", 400, "query"),
        get("cursor beyond the end of time", "/v1/statements?before=281474976710656.0-00", 400, "query"),
        get("author that is no key", "/v1/merged/shop/limits?author=abc", 400, "query"),
        get("escape that is none in a query", "/v1/config?prefix=%g0", 400, "query"),
        get("wait too long", "/v1/config/shop/limits?wait=3600", 400, "query"),
        get("revision that is none", "/v1/config/shop/limits?min_revision=7", 400, "revision"),
        get("revision with a sign", "/v1/config/shop/limits?min_revision=5f3a09c2b1d4e6f8-+1.2", 400, "revision"),
        get("revision of another store", "/v1/config/shop/limits?min_revision=00000000000000ff-1.1", 400, "revision"),
        get(
            "revision not reached",
            "/v1/config/shop/limits?wait=0&min_revision=5f3a09c2b1d4e6f8-1.999999",
            503,
            "behind",
        ),
        get("id that is none", "/v1/changes/xyz", 400, "id"),
        get("id in upper case", &format!("/v1/statements/{}", "A".repeat(64)), 400, "id"),
        get("id that nobody has", &format!("/v1/statements/{}", "0".repeat(64)), 404, "not_found"),
        get("change that nobody has", &format!("/v1/changes/{}", "0".repeat(64)), 404, "not_found"),
        get("entry that is not there", "/v1/config/shop/nothing", 404, "not_found"),
        get("explain of nothing", "/v1/explain/shop/nothing", 404, "not_found"),
        get("audit of an unknown kind", "/v1/audit?kind=edit", 400, "query"),
        get("audit of an unknown fate", "/v1/audit?fate=refused", 400, "query"),
        get("audit since no time", "/v1/audit?since=yesterday", 400, "query"),
        get("audit of a scope not held", "/v1/audit?prefix=elsewhere", 421, "not_held"),
        get("export of a scope not held", "/v1/audit/export?scope=elsewhere", 421, "not_held"),
        get("export of a path", "/v1/audit/export?scope=shop/a", 400, "path"),
        get("attempts of somebody", "/v1/attempts?author=x", 400, "query"),
        get("scope not held", "/v1/config/elsewhere/a", 421, "not_held"),
        get("listing of a scope not held", "/v1/config?prefix=elsewhere", 421, "not_held"),
        get("watch of a scope not held", "/v1/config/elsewhere/a?watch", 421, "not_held"),
        get("history of a scope not held", "/v1/history/elsewhere/a", 421, "not_held"),
        get("no such route", "/v2/config/shop/limits", 404, "no_route"),
        get("the root", "/", 404, "no_route"),
        get("target too long", &target, 414, "target"),
        ("POST on an entry", request("POST", "/v1/config/shop/limits", &[JSON], "{}"), 405, "method"),
        ("DELETE on status", request("DELETE", "/v1/status", &[], ""), 405, "method"),
        ("unknown method", request("BREW", "/v1/config/shop/limits", &[], ""), 405, "method"),
        (
            "If-None-Match without quotes",
            request("GET", "/v1/config/shop/limits", &[("if-none-match", "abc")], ""),
            400,
            "header",
        ),
        (
            "Last-Event-ID that is none",
            request("GET", "/v1/config/shop/limits?watch", &[("last-event-id", "7")], ""),
            400,
            "revision",
        ),
        (
            "demanded revision that is none",
            request("GET", "/v1/config/shop/limits", &[("driftless-min-revision", "x")], ""),
            400,
            "revision",
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_map = "{\"a\":".repeat(100_000);
    let large = format!("\"{}\"", "x".repeat(4 * 1024 * 1024));
    let unfit = format!("\"{}\"", "x".repeat(300 * 1024));
    let many: String = format!("[{}]", vec!["{\"op\":\"remove\",\"path\":\"/a\"}"; 1000].join(","));
    vec![
        put("no content type", &[], "{}", 415, "media_type"),
        put("form content type", &[("content-type", "application/x-www-form-urlencoded")], "a=1", 415, "media_type"),
        put("text content type", &[("content-type", "text/plain")], "{}", 415, "media_type"),
        put("patch type on PUT", &[MERGE], "{}", 415, "media_type"),
        put("two content types", &[JSON, JSON], "{}", 415, "media_type"),
        put("compressed body", &[JSON, ("content-encoding", "gzip")], "{}", 415, "media_type"),
        patch("JSON on PATCH", JSON, "{}", 415, "media_type"),
        put("empty body", &[JSON], "", 400, "json"),
        put("half a value", &[JSON], "{\"a\":", 400, "json"),
        put("two values", &[JSON], "1 2", 400, "json"),
        put("duplicate key", &[JSON], "{\"a\":1,\"a\":2}", 400, "json"),
        put("duplicate key by escape", &[JSON], "{\"a\":1,\"\\u0061\":2}", 400, "json"),
        put("NaN", &[JSON], "NaN", 400, "json"),
        put("Infinity", &[JSON], "{\"a\":-Infinity}", 400, "json"),
        put("float beyond range", &[JSON], "1e999", 400, "json"),
        put("integer beyond 64 bits", &[JSON], "18446744073709551616", 400, "json"),
        put("integer of 10,000 digits", &[JSON], &"9".repeat(10_000), 400, "json"),
        put("leading zero", &[JSON], "01", 400, "json"),
        put("comment", &[JSON], "{} // yes", 400, "json"),
        put("byte order mark", &[JSON], "\u{feff}{}", 400, "json"),
        put("lone surrogate in a text", &[JSON], "\"\\ud800\"", 400, "json"),
        put("100,000 levels of lists", &[JSON], &deep, 400, "json"),
        put("100,000 levels of maps", &[JSON], &deep_map, 400, "json"),
        put("33 levels", &[JSON], &format!("{}1{}", "[".repeat(33), "]".repeat(33)), 400, "json"),
        put("map key of 2 KiB", &[JSON], &format!("{{\"{}\":1}}", "k".repeat(2048)), 400, "json"),
        put("body over the limit", &[JSON], &large, 413, "body"),
        put("value larger than a statement", &[JSON], &unfit, 422, "invalid"),
        put("If-Match without quotes", &[JSON, ("if-match", "abc")], "{}", 400, "header"),
        put("If-Match and If-None-Match", &[JSON, ("if-match", "*"), ("if-none-match", "*")], "{}", 400, "header"),
        put("If-None-Match with a tag", &[JSON, ("if-none-match", "\"abc\"")], "{}", 400, "header"),
        put("If-Match of something else", &[JSON, ("if-match", "\"abc\"")], "{}", 412, "precondition"),
        put("weak If-Match", &[JSON, ("if-match", "W/\"abc\"")], "{}", 412, "precondition"),
        put("If-None-Match: * on a present entry", &[JSON, ("if-none-match", "*")], "{}", 412, "precondition"),
        put("reason too long", &[JSON, ("driftless-reason", &"r".repeat(1100))], "{}", 400, "header"),
        put("reason with a tab", &[JSON, ("driftless-reason", "a\tb")], "{}", 400, "header"),
        ("parameter on a write", request("PUT", "/v1/config/shop/limits?force=1", &[JSON], "{}"), 400, "query"),
        ("write without a grant", request("PUT", "/v1/config/platform/a", &[JSON], "{}"), 403, "no_grant"),
        ("write into @mesh", request("PUT", "/v1/config/@mesh/schemas/a", &[JSON], "{}"), 403, "no_grant"),
        ("write into a scope not held", request("PUT", "/v1/config/elsewhere/a", &[JSON], "{}"), 421, "not_held"),
        ("DELETE of nothing", request("DELETE", "/v1/config/shop/nothing", &[], ""), 404, "not_found"),
        ("DELETE with a body", request("DELETE", "/v1/config/shop/limits", &[], "{}"), 413, "body"),
        (
            "merge patch of nothing that must be there",
            request("PATCH", "/v1/config/shop/nothing", &[MERGE, ("if-match", "*")], "{\"a\":1}"),
            412,
            "precondition",
        ),
        patch("merge patch that is no JSON", MERGE, "{a:1}", 400, "json"),
        patch("JSON patch that is no list", PATCH, "{\"op\":\"remove\"}", 422, "patch"),
        patch("JSON patch without op", PATCH, "[{\"path\":\"/a\"}]", 422, "patch"),
        patch("JSON patch with an unknown op", PATCH, "[{\"op\":\"exec\",\"path\":\"/a\"}]", 422, "patch"),
        patch("JSON patch without value", PATCH, "[{\"op\":\"add\",\"path\":\"/a\"}]", 422, "patch"),
        patch("pointer without slash", PATCH, "[{\"op\":\"remove\",\"path\":\"a\"}]", 422, "patch"),
        patch("pointer with a bad escape", PATCH, "[{\"op\":\"remove\",\"path\":\"/~2\"}]", 422, "patch"),
        patch("pointer to nothing", PATCH, "[{\"op\":\"remove\",\"path\":\"/nothing\"}]", 422, "patch"),
        patch("pointer beyond a list", PATCH, "[{\"op\":\"replace\",\"path\":\"/list/9\",\"value\":1}]", 422, "patch"),
        patch("pointer with a leading zero", PATCH, "[{\"op\":\"remove\",\"path\":\"/list/01\"}]", 422, "patch"),
        patch("failing test op", PATCH, "[{\"op\":\"test\",\"path\":\"/max\",\"value\":9}]", 422, "patch"),
        patch("move into itself", PATCH, "[{\"op\":\"move\",\"from\":\"/deep\",\"path\":\"/deep/a\"}]", 422, "patch"),
        patch("1,000 operations", PATCH, &many, 422, "patch"),
    ]
}

fn submissions() -> Vec<Case> {
    let post = |name, kind, body: &str, status, word| -> Case {
        (name, request("POST", "/v1/statements", &[kind], body), status, word)
    };
    vec![
        post("statements as JSON", JSON, "[]", 415, "media_type"),
        post("no statements", SEQ, "", 400, "statements"),
        post("statements that are no CBOR", SEQ, "hello", 400, "statements"),
        post("statement cut off", SEQ, "X\u{7f}abc", 400, "statements"),
        post("257 statements", SEQ, &"A\u{1}".repeat(257), 400, "statements"),
        post("parameter on a submission", SEQ, "A\u{1}", 200, ""),
    ]
}

fn frames() -> Vec<Case> {
    let fields = |count: usize| (0..count).map(|index| format!("x-{index}: 1\r\n")).collect::<String>();
    let heavy = format!("x-heavy: {}\r\n", "h".repeat(20 * 1024));
    let heavier = format!("x-heavy: {}\r\n", "h".repeat(300 * 1024));
    let with = |headers: &str| format!("GET /v1/status HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes();
    vec![
        ("80 header fields", with(&fields(80)), 431, "headers"),
        ("200 header fields", with(&fields(200)), 431, ""),
        ("header fields of 20 KiB", with(&heavy), 431, "headers"),
        ("header fields of 300 KiB", with(&heavier), 431, ""),
        ("bytes that are no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400, ""),
        ("zeros", vec![0; 4096], 400, ""),
        ("HTTP/0.9", b"GET /v1/status\r\n\r\n".to_vec(), 400, ""),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 0, ""),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400, ""),
        ("bare line end in a header", with("x: a\nb: c\r\nd\r\n"), 400, ""),
        ("space in a header name", with("content type: a\r\n"), 400, ""),
        (
            "two lengths",
            b"PUT /v1/config/shop/limits HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"
                .to_vec(),
            400,
            "",
        ),
        (
            "negative length",
            b"PUT /v1/config/shop/limits HTTP/1.1\r\nhost: a\r\ncontent-length: -2\r\n\r\n{}".to_vec(),
            400,
            "",
        ),
        (
            "unknown transfer coding",
            b"PUT /v1/config/shop/limits HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n{}".to_vec(),
            400,
            "",
        ),
        ("raw NUL in the target", b"GET /v1/config/shop/a\0b HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), 400, ""),
        (
            "oversized body that asks first",
            request("PUT", "/v1/config/shop/limits", &[JSON, ("expect", "100-continue")], "")
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.starts_with(b"content-length"))
                .collect::<Vec<_>>()
                .join(&b'\n')
                .strip_suffix(b"\r\n")
                .map(|head| [head, b"content-length: 99999999\r\n\r\n"].concat())
                .unwrap(),
            413,
            "body",
        ),
    ]
}

async fn alive(world: &World, after: &str) {
    let reply = world.get("/v1/config/shop/limits").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, VALUE), "after {after}");
}

const VALUE: &str = r#"{"deep":{"a":{}},"list":[1,2],"max":7}"#;

fn judge(name: &str, reply: &Reply, status: u16, word: &str) {
    assert_eq!(reply.status, status, "{name}: {reply:?}");
    if !word.is_empty() {
        assert_eq!(reply.problem(), word, "{name}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_request_gets_its_refusal_and_reads_go_on() {
    let world = World::start().await;
    world.put("shop/limits", VALUE).await;
    let all = [paths(), questions(), bodies(), submissions(), frames()].concat();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|case| case.0).collect();
    assert_eq!(names.len(), all.len(), "every case has its own name");
    assert!(all.len() >= 140, "{}", all.len());
    for (name, bytes, status, word) in &all {
        judge(name, &world.send(bytes).await, *status, word);
        alive(&world, name).await;
    }
    let metrics = world.get("/metrics").await.text();
    assert!(metrics.contains("driftless_http_connections_cut_total{reason=\"not_http\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_pages_are_refused_on_tcp() {
    let world = World::start().await;
    world.put("shop/limits", VALUE).await;
    let port = world.tcp.port();
    let (own, other) = (format!("localhost:{port}"), format!("localhost:{}", port ^ 1));
    let put = |headers: &[(&str, &str)]| {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let world = &world;
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            world.ask_tcp("PUT", "/v1/config/shop/evil", &headers, "{}").await
        }
    };
    for (name, headers, status, word) in [
        ("foreign host", vec![("host", "evil.example"), JSON], 403, "host"),
        ("foreign port", vec![("host", other.as_str()), JSON], 403, "host"),
        ("host without port", vec![("host", "localhost"), JSON], 403, "host"),
        ("rebound name", vec![("host", "127.0.0.1.evil.example"), JSON], 403, "host"),
        ("origin", vec![("host", own.as_str()), ("origin", "https://evil.example"), JSON], 403, "origin"),
        ("null origin", vec![("host", own.as_str()), ("origin", "null"), JSON], 403, "origin"),
        ("own origin", vec![("host", own.as_str()), ("origin", "http://localhost"), JSON], 403, "origin"),
        ("cross-site fetch", vec![("host", own.as_str()), ("sec-fetch-site", "cross-site"), JSON], 403, "origin"),
        ("form", vec![("host", own.as_str()), ("content-type", "text/plain")], 415, "media_type"),
        ("two hosts", vec![("host", own.as_str()), ("host", own.as_str()), JSON], 403, "host"),
    ] {
        judge(name, &put(&headers).await, status, word);
    }
    assert_eq!(world.get("/v1/config/shop/evil").await.status, 404);
    let preflight = world.ask_tcp("OPTIONS", "/v1/config/shop/limits", &[("origin", "https://evil.example")], "").await;
    assert_eq!(preflight.problem(), "origin");
    assert!(!preflight.head.to_lowercase().contains("access-control"));
    assert_eq!(world.ask_tcp("GET", "/v1/config/shop/limits", &[], "").await.text(), VALUE);
    assert_eq!(put(&[("host", own.as_str()), JSON]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_half_open_clients_are_cut() {
    let world = World::with(|settings| {
        // Prompt clients must keep to these as well, on a busy machine too.
        settings.header_timeout = Duration::from_secs(2);
        settings.body_timeout = Duration::from_secs(2);
    })
    .await;
    world.put("shop/limits", VALUE).await;
    let mut silent = world.unix().await;
    let mut half = world.unix().await;
    half.write_all(b"GET /v1/status HTTP/1.1\r\nhost: a\r\nx-slow: ").await.unwrap();
    let mut body = world.unix().await;
    body.write_all(
        b"PUT /v1/config/shop/slow HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    )
    .await
    .unwrap();
    let mut gone = world.unix().await;
    gone.write_all(
        b"PUT /v1/config/shop/gone HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    )
    .await
    .unwrap();
    drop(gone);
    alive(&world, "four slow clients").await;
    judge("slow body", &raw::read(&mut body).await, 408, "slow");
    judge("slow head", &raw::read(&mut half).await, 408, "slow");
    judge("silent", &raw::read(&mut silent).await, 0, "");
    // One byte at a time does not buy time: the whole head has one deadline.
    let mut loris = world.unix().await;
    let mut drip = tokio::time::interval(Duration::from_millis(20));
    let dripping = async {
        for byte in b"GET /v1/status HTTP/1.1\r\nx-loris: ".iter().chain([b'x'; 10_000].iter()) {
            if loris.write_all(&[*byte]).await.is_err() {
                break;
            }
            drip.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), dripping).await.expect("the dripping client is cut");
    for path in ["shop/slow", "shop/gone"] {
        assert_eq!(world.get(&format!("/v1/config/{path}")).await.status, 404, "{path}");
    }
    alive(&world, "slow clients").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    world.put("shop/limits", VALUE).await;
    let mut stream = world.unix().await;
    let mut bytes = Vec::new();
    for _ in 0..20 {
        bytes.extend(request("GET", "/v1/config/shop/limits", &[], ""));
    }
    stream.write_all(&bytes).await.unwrap();
    let mut answers = Vec::new();
    let wanted = 20 * VALUE.len();
    tokio::time::timeout(Duration::from_secs(60), async {
        while answers.windows(VALUE.len()).filter(|part| *part == VALUE.as_bytes()).count() * VALUE.len() < wanted {
            assert!(raw::more(&mut stream, &mut answers).await);
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded_and_the_refusal_says_so() {
    let world = World::with(|settings| settings.max_connections = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = world.unix().await;
        let reply = raw::exchange(&mut stream, &request("GET", "/livez", &[], "")).await;
        assert_eq!(reply.status, 200);
        held.push(stream);
    }
    let refused = world.get("/livez").await;
    judge("one connection too many", &refused, 503, "busy");
    drop(held);
    tokio::time::timeout(Duration::from_secs(60), async {
        while world.get("/livez").await.status != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("closed connections make room");
}
