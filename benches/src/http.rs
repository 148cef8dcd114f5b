//! HTTP reads over the Unix socket: a whole node on one core, held against a bare hyper handler that returns the same
//! bytes and against Redis, each on that core in turn, loaded from the other.

use std::convert::Infallible;
use std::path::Path as FilePath;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::forge::{Forge, path};
use crate::load;
use crate::pairing::{Effort, pair};
use crate::peers::keys;
use crate::rig::{Homes, Running, redis, wait_for};
use crate::table::{Row, Want};

const CONNECTIONS: usize = 16;
/// The core of the servers, and the one of the load.
const SERVER: usize = 0;
const LOAD: usize = 1;
/// Bytes of the value.
const VALUE: usize = 200;
const ENTRIES: usize = 1_000;

/// One answer of a node, head and body, byte by byte.
fn answer(socket: &FilePath, target: &str) -> (Vec<(String, String)>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut buffer = Vec::new();
    runtime.block_on(async {
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nhost: node\r\n\r\n");
        load::ask(&mut stream, request.as_bytes(), load::http, &mut buffer).await;
    });
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let own = |name: &str| !matches!(name.to_ascii_lowercase().as_str(), "date" | "content-length");
    let fields = fields.filter(|(name, _)| own(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    (fields.collect(), buffer[end + 4..].to_vec())
}

/// The role of the bare handler: the same head and body for whatever is asked.
pub fn bare(socket: &FilePath, answer: &FilePath) {
    let text = std::fs::read_to_string(answer).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    let fields: Vec<(hyper::header::HeaderName, hyper::header::HeaderValue)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let (fields, body) = (std::sync::Arc::new(fields), Bytes::from(body.to_owned()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::bind(socket).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (fields, body) = (fields.clone(), body.clone());
            let service = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                response.headers_mut().extend(fields.iter().cloned());
                std::future::ready(Ok::<_, Infallible>(response))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

/// All rows about HTTP reads.
pub fn run(effort: Effort) -> Vec<Row> {
    let forge = Forge::found(&keys(1));
    let homes = Homes::make(&forge, 1);
    homes.fill(&forge, 1, &forge.history(ENTRIES, 1, VALUE));
    let _node = homes.start(1, Some(SERVER));
    let target = format!("/v1/config/{}", path(7));
    let (fields, body) = answer(&homes.socket(1), &target);
    let head: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let answer_file = homes.home(1).join("answer");
    std::fs::write(&answer_file, format!("{head}\n{}", String::from_utf8(body.clone()).unwrap())).unwrap();
    let bare_socket = homes.home(1).join("b");
    let roles = ["bare", &bare_socket.display().to_string(), &answer_file.display().to_string()];
    let _bare = Running::role(&roles, Some(SERVER));
    wait_for("the bare handler", || bare_socket.exists());
    let millis = effort.size(1_000, 200) as u64;
    let rate = |kind, socket: &FilePath, target: &str| load::pinned(kind, socket, target, CONNECTIONS, millis, LOAD);
    let node = || rate("http", &homes.socket(1), &target);
    let paired = pair(effort, node, || rate("http", &bare_socket, &target));
    let what = format!("HTTP GET of one entry, Unix socket, {CONNECTIONS} connections, one core");
    let note = |paired: &crate::pairing::Paired| {
        format!("{:.0} against {:.0} a second", paired.ours.median(), paired.theirs.median())
    };
    let mut rows =
        vec![Row::ratio(&what, "a bare hyper handler, same bytes", Want::AtLeast(0.8), &paired).note(note(&paired))];
    let redis_socket = homes.home(1).join("r");
    if let Some(_redis) = redis(&redis_socket, SERVER) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut stream = tokio::net::UnixStream::connect(&redis_socket).await.unwrap();
            let body = String::from_utf8(body.clone()).unwrap();
            let set = format!("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n${}\r\n{body}\r\n", body.len());
            load::ask(&mut stream, set.as_bytes(), load::resp, &mut Vec::new()).await;
        });
        let paired = pair(effort, node, || rate("resp", &redis_socket, "key"));
        rows.push(
            Row::ratio(format!("{what}, beside Redis"), "Redis GET on its Unix socket", Want::AtLeast(1.0), &paired)
                .note(note(&paired)),
        );
    }
    rows
}
