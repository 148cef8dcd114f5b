//! A hundred entries, overwritten a hundred thousand times in all: what that does to memory and to the disk.

use std::time::Duration;

use driftless_node::store::Store;

use crate::durable::writes;
use crate::forge::Forge;
use crate::load;
use crate::pairing::Effort;
use crate::peers::keys;
use crate::rig::Homes;
use crate::table::{Row, Want};

const ENTRIES: usize = 100;
const WRITERS: usize = 64;
const VALUE: usize = 200;

fn request(connection: usize, turn: usize) -> Vec<u8> {
    let number = connection * 1_000_003 + turn;
    let body = driftless_statement::json::to_string(&crate::forge::text(number, VALUE));
    let path = crate::forge::path((connection + turn * WRITERS) % ENTRIES);
    let length = body.len();
    format!("PUT /v1/config/{path} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// All rows about overwriting.
pub fn run(effort: Effort) -> Vec<Row> {
    let times = effort.size(100_000, 5_000);
    let forge = Forge::found(&keys(1));
    let homes = Homes::make(&forge, 1);
    homes.fill(&forge, 1, &forge.history(ENTRIES, 1, VALUE));
    let node = homes.start(1, None);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let socket = homes.socket(1);
    // A tenth of the writes warms buffers, pages and allocator up.
    let rate = writes(&runtime, &socket, WRITERS, Duration::from_millis(500));
    let part = |share: f64| Duration::from_secs_f64(times as f64 * share / rate);
    let mut done = 0.0;
    let mut load_for = |lasts: Duration| {
        let load = runtime.block_on(load::run(&socket, WRITERS, lasts, load::http, request));
        done += load.rate * lasts.as_secs_f64();
    };
    load_for(part(0.1));
    let warm = node.resident() as f64;
    load_for(part(0.9));
    let after = node.resident() as f64;
    drop(node);
    let live = homes.disk(1) as f64;
    let (store, loaded) = Store::open(&homes.home(1).join("data"), forge.mesh, [1; 8]).unwrap();
    let own: usize = loaded.statements.iter().map(|statement| statement.wire_len()).sum();
    let statements = loaded.statements.len();
    drop(store);
    let grown = (after - warm) / (statements as f64 * 0.9);
    vec![
        Row::plain(
            format!("overwrite {ENTRIES} entries {times} times: resident memory, end over warm"),
            Want::AtMost(1.1),
            " ×",
            after / warm,
        )
        .note(format!(
            "{done:.0} writes; {:.0} MB to {:.0} MB, {grown:.0} B a statement",
            warm / 1e6,
            after / 1e6
        )),
        Row::plain(
            format!("overwrite {ENTRIES} entries {times} times: disk over the statements' own bytes"),
            Want::AtMost(2.5),
            " ×",
            live / own as f64,
        )
        .note(format!(
            "{statements} statements, {:.0} MB of their own, {:.0} MB of file",
            own as f64 / 1e6,
            live / 1e6
        )),
    ]
}
