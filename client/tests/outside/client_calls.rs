//! Calls: what goes out on the socket, and what any answer becomes.

use std::time::Duration;

use driftless_client::client::{Precondition, Write};
use driftless_client::{Client, ClientError};
use driftless_statement::{Path, Prefix, Value, Why};

use super::scripted::{Node, SOON, item, soon};

fn path() -> Path {
    Path::parse("shop/a").unwrap()
}

async fn asked(answer: &'static [u8]) -> ClientError {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::listen(&dir.path().join("s"));
    // Short only where it is the timeout that is waited for.
    let within = if answer.is_empty() { Duration::from_millis(500) } else { SOON };
    let client = Client::with_timeout(node.endpoint(), within);
    let call = tokio::spawn(async move { client.item(&path()).await });
    let mut request = node.request().await;
    request.raw(answer).await;
    // A node that says nothing keeps the connection open.
    if !answer.is_empty() {
        drop(request);
        return soon(call).await.unwrap().unwrap_err();
    }
    let error = soon(call).await.unwrap().unwrap_err();
    drop(request);
    error
}

#[tokio::test]
async fn every_bad_answer_is_a_clear_error() {
    let unreachable = |error: &ClientError| matches!(error, ClientError::Unreachable { .. });
    let answer = |error: &ClientError| matches!(error, ClientError::Answer { .. });
    assert!(unreachable(&asked(b"\x00\x01\x02\x03garbage\r\n\r\n").await));
    assert!(unreachable(&asked(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await));
    assert!(unreachable(&asked(b"HTTP/1.1 20").await));
    assert!(answer(&asked(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await));
    assert!(answer(&asked(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html").await));
    assert!(matches!(asked(b"").await, ClientError::Timeout { .. }));
    let bare = asked(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops").await;
    assert_eq!((bare.word(), bare.is_transient()), (Some("http_500"), true));
    let body = br#"HTTP/1.1 404 Not Found
content-length: 106

{"type":"urn:driftless:problem:not_found","title":"x","status":404,"detail":"there is no entry at shop/a"}"#;
    let missing = asked(body).await;
    assert!(missing.is_not_found());
    assert_eq!(missing.to_string(), "there is no entry at shop/a");
}

#[tokio::test]
async fn a_write_carries_its_precondition_and_note() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::listen(&dir.path().join("s"));
    let client = Client::new(node.endpoint());
    let note = Why { reason: "größer".into(), ticket: "T-1".into(), traceparent: String::new() }.into();
    let write = Write { precondition: Precondition::Tag("abc".into()), note };
    let call = tokio::spawn(async move { client.put(&path(), &Value::Float(1.0), &write).await });
    let request = node.request().await;
    assert!(request.head.starts_with("PUT /v1/config/shop/a HTTP/1.1\r\n"));
    assert_eq!(request.header("if-match"), Some("\"abc\""));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!((request.header("driftless-reason"), request.header("driftless-ticket")), (Some("größer"), Some("T-1")));
    assert_eq!(request.header("content-length"), Some("3"), "1.0 stays a float");
    request.answer("200 OK", "application/json", r#"{"id":null,"revision":"r1","fate":"fit","etag":"x"}"#).await;
    assert_eq!(soon(call).await.unwrap().unwrap().revision, "r1");
}

#[tokio::test]
async fn a_note_of_several_lines_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::listen(&dir.path().join("s"));
    let note = Why { reason: "a\r\nhost: evil".into(), ..Why::default() }.into();
    let write = Write { precondition: Precondition::None, note };
    let error = Client::new(node.endpoint()).delete(&path(), &write).await.unwrap_err();
    assert!(matches!(error, ClientError::Request(_)));
}

#[tokio::test]
async fn pages_are_followed_and_a_page_that_does_not_go_on_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::listen(&dir.path().join("s"));
    let page = |paths: &[&str], next: &str| {
        let items: Vec<_> = paths.iter().map(|path| item(path, "1", "r")).collect();
        format!(r#"{{"revision":"r","items":{},"next":{next}}}"#, serde_json::to_string(&items).unwrap())
    };
    let client = Client::new(node.endpoint());
    let call = tokio::spawn(async move { client.items(&Prefix::all()).await });
    node.request().await.answer("200 OK", "application/json", &page(&["a/a", "a/b"], "\"a/b\"")).await;
    let second = node.request().await;
    assert!(second.head.starts_with("GET /v1/config/?after=a/b&limit=500 "), "{}", second.head);
    second.answer("200 OK", "application/json", &page(&["a/c"], "\"a/b\"")).await;
    assert!(matches!(soon(call).await.unwrap(), Err(ClientError::Answer { .. })));
}
