//! Opening secrets over real sockets, in front of the real core: who gets them, what everybody else sees, and what is said
//! when one cannot be opened.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use driftless_client::sealed::{Identity, Recipients, seal};
use driftless_client::tokens::{self, Known, Rights, Token, TokenError};
use driftless_node::config::{Access, Principal, Role};
use driftless_statement::{Prefix, json};

use crate::support::raw::Reply;
use crate::support::{self, World, sealed};

const JSON: (&str, &str) = ("content-type", "application/json");
const SECRET: &[u8] = b"hunter2\0\xff";
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_opened_over_the_unix_socket_and_shown_nowhere_else() {
    let world = World::start().await;
    world.put("shop/password", &sealed(SECRET)).await;
    let reply = world.get("/v1/secrets/shop/password").await;
    assert_eq!((reply.status, reply.body.as_slice()), (200, SECRET), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let tag = reply.header("etag").unwrap().to_owned();
    assert_eq!(world.get("/v1/config/shop/password").await.header("etag"), Some(tag.as_str()));
    let again = world.ask("GET", "/v1/secrets/shop/password", &[("if-none-match", &tag)], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("cache-control"), Some("no-store"));
    for target in ["/v1/config/shop/password", "/v1/config/shop/", "/v1/history/shop/password", "/metrics"] {
        let reply = world.get(target).await;
        assert!(reply.status == 200 && !reply.text().contains("hunter2"), "{target}");
    }
    let status = world.get("/v1/status").await.json();
    assert_eq!(status["recipient"], support::identity().recipient().as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let world = World::start().await;
    let stranger = Recipients::from([("beta".to_owned(), Identity::generate().recipient())]);
    let foreign = json::to_string(&seal(SECRET, "web", stranger, Recipients::new()).unwrap().to_value());
    let damaged = sealed(SECRET).replace("-----END AGE", "AAAA\\n-----END AGE");
    for (path, value, status, word, says) in [
        ("shop/plain", "\"hunter2\"", 409, "not_sealed", "/v1/config/"),
        ("shop/foreign", foreign.as_str(), 409, "not_a_recipient", "age1"),
        ("shop/damaged", damaged.as_str(), 409, "damaged", "driftless secret set"),
        ("shop/half", "{\"@sealed\":{\"age\":\"hunter2\"}}", 409, "damaged", "driftless secret set"),
        ("shop/nothing", "", 404, "not_found", "no entry"),
        ("elsewhere/a", "", 421, "not_held", "elsewhere"),
    ] {
        if !value.is_empty() {
            world.put(path, value).await;
        }
        let reply = world.get(&format!("/v1/secrets/{path}")).await;
        assert_eq!((reply.status, reply.problem().as_str()), (status, word), "{path}: {}", reply.text());
        assert!(reply.text().contains(says) && !reply.text().contains("hunter2"), "{path}: {}", reply.text());
    }
    for method in ["PUT", "DELETE", "PATCH", "POST"] {
        assert_eq!(world.ask(method, "/v1/secrets/shop/plain", &[JSON], "1").await.problem(), "method", "{method}");
    }
    assert_eq!(world.get("/v1/secrets/shop/../a").await.problem(), "path");
}

/// An answer without what changes from moment to moment.
fn plain(reply: &Reply) -> String {
    let head: String = reply.head.lines().filter(|line| !line.starts_with("date:")).collect();
    format!("{head}{}", reply.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_every_answer_is_the_same_and_no_token_opens() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.json");
    let token = Token::generate().unwrap();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let known = Known {
        name: "all".to_owned(),
        hash: token.hash(),
        created_ms: now_ms,
        expires_ms: now_ms + 3_600_000,
        rights: Rights::all(),
    };
    tokens::update(&file, |all: &mut Vec<Known>| {
        all.push(known);
        Ok::<_, TokenError>(())
    })
    .unwrap();
    let all = Role {
        name: "all".to_owned(),
        rights: Rights::all(),
        open: vec![Prefix::all()],
        users: vec![Principal::Number(3_000_000_001)],
        ..Role::default()
    };
    let access = Access { role: vec![all], tcp_role: Some("all".to_owned()), tokens_file: file };
    let world = World::with(|settings| settings.access = access).await;
    world.put("shop/password", &sealed(SECRET)).await;
    world.put("shop/plain", "1").await;
    let bearer = format!("Bearer {}", token.expose());
    let close = ("connection", "close");
    let mut seen = std::collections::BTreeSet::new();
    for path in ["shop/password", "shop/plain", "shop/nothing", "elsewhere/a", "shop/../a", "", "x%2Fy"] {
        for headers in [&[close][..], &[close, ("authorization", &bearer)], &[close, ("authorization", "Bearer no")]] {
            for query in ["", "?no=such", "?min_revision=9"] {
                let reply = world.ask_tcp("GET", &format!("/v1/secrets/{path}{query}"), headers, "").await;
                assert_eq!(reply.problem(), "forbidden", "{path}{query}");
                seen.insert(plain(&reply));
            }
        }
        let written = world.ask_tcp("PUT", &format!("/v1/secrets/{path}"), &[close, JSON], "1").await;
        seen.insert(plain(&written));
    }
    assert_eq!(seen.len(), 1, "an oracle: {seen:#?}");
    // The token is all that its bearer is judged by, also on the socket, where its user may open.
    assert_eq!(world.get("/v1/secrets/shop/password").await.body, SECRET);
    for path in ["shop/password", "shop/nothing"] {
        let target = format!("/v1/secrets/{path}");
        let reply = world.ask("GET", &target, &[("authorization", &bearer)], "").await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{}", reply.text());
    }
    let metrics = world.get("/metrics").await.text();
    assert!(metrics.contains("driftless_http_requests_denied_total{reason=\"open\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_sealed_entries_is_counted_and_told() {
    let world = World::start().await;
    let count = |text: &str, state: &str| {
        let name = format!("driftless_sealed_entries{{state=\"{state}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map(|count| count.parse::<f64>().unwrap() as u64)
    };
    let settles = |wanted: [(&'static str, u64); 5]| {
        let world = &world;
        async move {
            let begin = Instant::now();
            loop {
                let text = world.get("/metrics").await.text();
                if wanted.iter().all(|(state, wanted)| count(&text, state) == Some(*wanted)) {
                    return text;
                }
                assert!(begin.elapsed() < PATIENCE, "{wanted:?} never came in\n{text}");
            }
        }
    };
    let states = |openable, others, unopenable, known, stale| {
        [
            ("openable", openable),
            ("not_for_this_node", others),
            ("unopenable", unopenable),
            ("known_to_removed", known),
            ("stale", stale),
        ]
    };
    settles(states(0, 0, 0, 0, 0)).await;
    world.put("shop/a", &sealed(SECRET)).await;
    // The group is not there, so the entry is not sealed to what it names.
    let text = settles(states(1, 0, 0, 0, 1)).await;
    let measured = |text: &str| text.contains("driftless_secret_propagation_delay_seconds_count 1\n");
    let begin = Instant::now();
    while !measured(&world.get("/metrics").await.text()) {
        assert!(begin.elapsed() < PATIENCE, "never measured: {text}");
    }
    let stranger = Identity::generate().recipient();
    let one = |name: &str| Recipients::from([(name.to_owned(), stranger.clone())]);
    let foreign = json::to_string(&seal(SECRET, "web", one("beta"), one("gamma")).unwrap().to_value());
    world.put("shop/b", &foreign).await;
    settles(states(1, 1, 0, 1, 2)).await;
    // It names the node, and is damaged.
    world.put("shop/c", &sealed(SECRET).replace("-----END AGE", "AAAA\\n-----END AGE")).await;
    settles(states(1, 1, 1, 1, 3)).await;
    let begin = Instant::now();
    while !world.get("/v1/status").await.text().contains("secrets_unopenable") {
        assert!(begin.elapsed() < PATIENCE, "{}", world.get("/v1/status").await.text());
    }
    world.put("shop/c", "1").await;
    settles(states(1, 1, 0, 1, 2)).await;
    let begin = Instant::now();
    while world.get("/v1/status").await.text().contains("secrets_unopenable") {
        assert!(begin.elapsed() < PATIENCE, "the word stays");
    }
    world.ask("DELETE", "/v1/config/shop/a", &[], "").await;
    world.ask("DELETE", "/v1/config/shop/b", &[], "").await;
    settles(states(0, 0, 0, 0, 0)).await;
}
