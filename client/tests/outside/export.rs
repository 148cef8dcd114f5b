//! `driftless log --export`: the bundle in the file is what the node's statements are, oldest first.

use driftless_client::api::{History, StatementInfo};
use driftless_client::bundle;
use driftless_statement::{Body, Genesis, Hlc, MeshId, Note, Scope, SecretKey, Statement, StatementId, Verified};

use super::process::driftless;
use super::scripted::{Node, Request, soon};

fn genesis(time: u64) -> Verified {
    let key = SecretKey::from_bytes([7; 32]);
    let body = Genesis { keys: vec![key.public()], threshold: 1, fold_version: 1, name: "m".to_owned() };
    let statement = Statement {
        mesh: MeshId::UNFOUNDED,
        scope: Scope::mesh(),
        author: key.public(),
        grant: StatementId::NONE,
        prev: Vec::new(),
        touches: Vec::new(),
        hlc: Hlc::from_millis(time),
        body: Body::from(body),
        note: Note::default(),
        unknown: Vec::new(),
    };
    Verified::sign(statement, &key).unwrap()
}

fn info(signed: &Verified) -> StatementInfo {
    let statement = signed.statement();
    StatementInfo {
        id: signed.id(),
        scope: statement.scope.clone(),
        author: statement.author,
        grant: statement.grant,
        prev: Vec::new(),
        hlc: statement.hlc.to_string(),
        time: String::new(),
        kind: "genesis".to_owned(),
        paths: Vec::new(),
        edits: Vec::new(),
        note: Note::default(),
        fate: "fit".to_owned(),
        reason: None,
        skipped: Vec::new(),
        bases: std::collections::BTreeMap::new(),
    }
}

/// Says that the connection ends with the answer: else the next request might go out on it just before it does.
async fn answer(mut request: Request, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    request.raw(&[head.as_bytes(), body].concat()).await;
}

/// Answers a page for each of these, latest first, then each one's bytes as it is asked for; `lie` answers with others.
async fn serve(node: &Node, held: &[Verified], lie: bool) {
    for (place, signed) in held.iter().rev().enumerate() {
        let next = (place + 1 < held.len()).then(|| format!("p{place}"));
        let page = History { statements: vec![info(signed)], next };
        let request = node.request().await;
        assert!(request.head.starts_with("GET /v1/log?"), "{}", request.head);
        answer(request, serde_json::to_string(&page).unwrap().as_bytes()).await;
    }
    for (place, signed) in held.iter().enumerate() {
        let request = node.request().await;
        assert!(request.head.starts_with(&format!("GET /v1/statements/{} ", signed.id())), "{}", request.head);
        assert_eq!(request.header("accept"), Some("application/octet-stream"));
        let wire = if lie { held[held.len() - 1 - place].wire() } else { signed.wire() };
        answer(request, &wire).await;
        if lie {
            return;
        }
    }
}

#[tokio::test]
async fn a_log_is_exported_oldest_first_and_as_it_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    let held = [genesis(1), genesis(2)];
    for lie in [false, true] {
        let node = Node::listen(&dir.path().join("s"));
        let (home, endpoint) = (dir.path().to_owned(), format!("unix:{}", dir.path().join("s").display()));
        let run = move || driftless(&home, &["--endpoint", &endpoint, "log", "--export", "log.bundle"], "");
        let ended = tokio::task::spawn_blocking(run);
        serve(&node, &held, lie).await;
        let ended = soon(ended).await.unwrap();
        let file = dir.path().join("log.bundle");
        if lie {
            assert_eq!(ended.code, 5, "{ended:?}");
            assert!(ended.err.contains("instead of") && !file.exists(), "{ended:?}");
        } else {
            assert_eq!(ended.code, 0, "{ended:?}");
            assert!(ended.err.contains("wrote 2 statements to log.bundle"), "{ended:?}");
            let bytes = std::fs::read(&file).unwrap();
            assert_eq!(bytes, bundle::encode(held.iter().map(Verified::wire)));
            std::fs::remove_file(&file).unwrap();
        }
    }
}
