//! A thousand watches of one entry over the Unix socket: how fast a change reaches all, held against a bare loop that
//! writes the same bytes to as many sockets, and what a watch costs in memory.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream as Blocking};
use std::path::Path as FilePath;
use std::time::Instant;

use driftless_statement::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::forge::{Forge, path, text};
use crate::load;
use crate::pairing::{Effort, Spread, pair, span};
use crate::peers::keys;
use crate::rig::{Homes, Running, wait_for};
use crate::table::{Row, Want};

const VALUE: usize = 200;
/// The core of the servers; who listens is pinned to nothing.
const SERVER: usize = 0;

/// The role of the bare loop: takes `watchers` connections and one more; for each message on that one, a length and so
/// many bytes, writes these bytes to all.
pub fn bare(socket: &FilePath, watchers: usize) {
    let listener = UnixListener::bind(socket).unwrap();
    let mut all: Vec<Blocking> = (0..watchers).map(|_| listener.accept().unwrap().0).collect();
    let (mut teller, _) = listener.accept().unwrap();
    let mut length = [0; 8];
    while teller.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; usize::from_be_bytes(length)];
        teller.read_exact(&mut bytes).unwrap();
        all.iter_mut().for_each(|stream| stream.write_all(&bytes).unwrap());
    }
}

/// Watchers that say when a whole event has come.
struct Watchers {
    runtime: tokio::runtime::Runtime,
    came: mpsc::UnboundedReceiver<(Instant, usize)>,
    count: usize,
}

/// The end of an event that tells a value, which an `alive` is not.
fn is_event(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|part| part == mark) && (bytes.ends_with(b"\n\n") || bytes.ends_with(b"\n\n\r\n"))
}

impl Watchers {
    fn connect(socket: &FilePath, count: usize, greeting: Option<String>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tell, came) = mpsc::unbounded_channel();
        runtime.block_on(async {
            for _ in 0..count {
                let mut stream = UnixStream::connect(socket).await.unwrap();
                if let Some(request) = &greeting {
                    stream.write_all(request.as_bytes()).await.unwrap();
                    let mut seen = Vec::new();
                    while !seen.windows(6).any(|part| part == b"synced") || !seen.ends_with(b"\r\n") {
                        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "the node hung up");
                    }
                }
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::with_capacity(4_096);
                    loop {
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                        if is_event(&bytes, b"event: put") {
                            let _ = tell.send((Instant::now(), bytes.len()));
                            bytes.clear();
                        } else if bytes.ends_with(b"\n\n\r\n") {
                            bytes.clear();
                        }
                    }
                });
            }
        });
        Self { runtime, came, count }
    }

    /// Seconds from the first event that came to the last; and the bytes of one.
    fn gather(&mut self) -> (f64, usize) {
        let (first, bytes) = self.came.blocking_recv().unwrap();
        let mut last = first;
        for _ in 1..self.count {
            last = last.max(self.came.blocking_recv().unwrap().0);
        }
        (last.duration_since(first).as_secs_f64(), bytes)
    }
}

fn write(stream: &mut Blocking, turn: usize) {
    let body = json::to_string(&text(turn, VALUE));
    let (path, length) = (path(0), body.len());
    let head = format!(
        "PUT /v1/config/{path} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut buffer = Vec::new();
    let mut chunk = [0; 4_096];
    while load::http(&buffer).is_none_or(|whole| buffer.len() < whole) {
        let read = stream.read(&mut chunk).unwrap();
        buffer.extend_from_slice(&chunk[..read]);
    }
}

/// All rows about fan-out.
pub fn run(effort: Effort) -> Vec<Row> {
    let count = effort.size(1_000, 100);
    let forge = Forge::found(&keys(1));
    let homes = Homes::make(&forge, 1);
    homes.fill(&forge, 1, &forge.history(10, 1, VALUE));
    let node = homes.start(1, Some(SERVER));
    let before = node.resident() as f64;
    let request = format!("GET /v1/config/{}?watch=1 HTTP/1.1\r\nhost: node\r\n\r\n", path(0));
    let mut watchers = Watchers::connect(&homes.socket(1), count, Some(request));
    // A new one each time: a node closes connections on which nothing is asked for a while.
    let connect = || Blocking::connect(homes.socket(1)).unwrap();
    write(&mut connect(), 1);
    let (_, bytes) = watchers.gather();
    let each = (node.resident() as f64 - before) / count as f64;
    let socket = homes.home(1).join("b");
    let _bare = Running::role(&["spray", &socket.display().to_string(), &count.to_string()], Some(SERVER));
    wait_for("the bare loop", || socket.exists());
    let mut others = Watchers::connect(&socket, count, None);
    let mut teller = Blocking::connect(&socket).unwrap();
    // As long as an event of the node is on its wire.
    let mut event = b"event: put\n".to_vec();
    event.resize(bytes - 2, b'x');
    event.extend(b"\n\n");
    let message = [&event.len().to_be_bytes()[..], &event].concat();
    let times = effort.size(40, 5);
    let mut turn = 1;
    let ours = || {
        let mut writer = connect();
        let spans = (0..times).map(|_| {
            turn += 1;
            write(&mut writer, turn);
            watchers.gather().0
        });
        Spread::of(spans.collect::<Vec<_>>()).median()
    };
    let theirs = || {
        let spans = (0..times).map(|_| {
            teller.write_all(&message).unwrap();
            others.gather().0
        });
        Spread::of(spans.collect::<Vec<_>>()).median()
    };
    let paired = pair(effort, ours, theirs);
    let rows = vec![
        Row {
            what: format!("watch fan-out, {count} watchers, first to last event"),
            against: "a bare loop writing the same bytes".to_owned(),
            want: Want::AtLeast(0.6),
            unit: " ×",
            figure: paired.ratio.inverse(),
            note: format!(
                "{} against {}; {bytes} B an event",
                span(paired.ours.median()),
                span(paired.theirs.median())
            ),
        },
        Row::plain("memory of a watcher, resident", Want::AtMost(16_384.0), " B", each),
    ];
    for watchers in [watchers, others] {
        watchers.runtime.shutdown_background();
    }
    rows
}
