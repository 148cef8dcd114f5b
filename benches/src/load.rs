//! Load: many connections on a Unix socket, each asking again as soon as it was answered. It speaks just enough HTTP and
//! RESP to know where an answer ends, so that what is measured is the server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::pairing::Spread;

/// What a run of load gave.
#[derive(Debug, Clone)]
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// Seconds an answer took.
    pub times: Spread,
}

/// How long an answer is, once that can be told from its beginning.
pub type Length = fn(&[u8]) -> Option<usize>;

/// The length of an HTTP answer with a content-length, which must be a good one.
pub fn http(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 2"), "{}", String::from_utf8_lossy(bytes));
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    Some(end + length.map_or(0, |length| length.parse::<usize>().unwrap()))
}

/// The length of a RESP bulk string or simple string.
pub fn resp(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    match bytes[0] {
        b'$' => Some(end + std::str::from_utf8(&bytes[1..end - 2]).unwrap().parse::<usize>().unwrap() + 2),
        b'+' => Some(end),
        _ => panic!("{}", String::from_utf8_lossy(bytes)),
    }
}

/// Sends one request and reads its whole answer.
pub async fn ask(stream: &mut UnixStream, request: &[u8], length: Length, buffer: &mut Vec<u8>) {
    stream.write_all(request).await.unwrap();
    buffer.clear();
    let mut whole = None;
    while whole.is_none_or(|whole| buffer.len() < whole) {
        let read = stream.read_buf(buffer).await.unwrap();
        assert!(read > 0, "the server hung up");
        whole = whole.or_else(|| length(buffer));
    }
}

/// Loads a server over this many connections for a while. `request` makes the next request of a connection.
pub async fn run<R>(socket: &Path, connections: usize, lasts: Duration, length: Length, request: R) -> Load
where
    R: Fn(usize, usize) -> Vec<u8> + Clone + Send + 'static,
{
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for connection in 0..connections {
        let (socket, request): (PathBuf, R) = (socket.to_owned(), request.clone());
        tasks.push(tokio::spawn(async move {
            let mut stream = UnixStream::connect(&socket).await.unwrap();
            let mut buffer = Vec::with_capacity(8_192);
            let mut times = Vec::new();
            for turn in 0.. {
                if begin.elapsed() >= lasts {
                    break;
                }
                let bytes = request(connection, turn);
                let sent = Instant::now();
                ask(&mut stream, &bytes, length, &mut buffer).await;
                times.push(sent.elapsed().as_secs_f64());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    Load { rate, times: Spread::of(times) }
}

/// The role of a process that loads a server and prints the rate, so that it can be pinned to a core of its own.
pub fn role(kind: &str, socket: &Path, target: &str, connections: usize, millis: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (length, request): (Length, String) = match kind {
        "http" => (http, format!("GET {target} HTTP/1.1\r\nhost: node\r\n\r\n")),
        "resp" => (resp, format!("*2\r\n$3\r\nGET\r\n${}\r\n{target}\r\n", target.len())),
        _ => panic!("load of kind {kind:?}"),
    };
    let request = request.into_bytes();
    let lasts = Duration::from_millis(millis);
    let load = runtime.block_on(run(socket, connections, lasts, length, move |_, _| request.clone()));
    println!("{} {} {}", load.rate, load.times.median(), load.times.quantile(0.99));
}

/// Runs that role on a core, and reads what it printed.
pub fn pinned(kind: &str, socket: &Path, target: &str, connections: usize, millis: u64, core: usize) -> f64 {
    let own = std::env::current_exe().unwrap();
    let output = std::process::Command::new("taskset")
        .args(["-c", &core.to_string()])
        .arg(own)
        .args(["role", "load", kind, &socket.display().to_string(), target])
        .args([connections.to_string(), millis.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.split_whitespace().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    first.parse().unwrap()
}
