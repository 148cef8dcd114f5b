//! Prints what judging an export costs beside its signatures alone. Run with
//! `cargo test --release -p driftless-client --test audit -- --ignored --nocapture`; `DRIFTLESS_EXPORT=FILE` keeps the export,
//! to see what memory `driftless audit verify FILE` takes.
#![allow(clippy::print_stdout)]

use std::io::BufReader;

use driftless_client::audit;
use driftless_statement::{Points, Signed, Verb};

use crate::world::World;

const STATEMENTS: usize = 100_000;
const ENTRIES: usize = 1_000;

/// Processor time of this process in seconds, which other work on the machine does not lengthen: hundredths, as Linux
/// counts them.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// Two keys take turns; at the end one of them is revoked with half of what it said accepted.
fn large() -> World {
    let mut world = World::new();
    let verbs = [Verb::Write, Verb::Delegate, Verb::Revoke];
    let operator = world.by_roots(|world, genesis| world.grant(0, genesis, 3, &verbs, ""));
    let job = world.grant(3, operator, 4, &[Verb::Write], "shop");
    let mut kept = None;
    for number in 0..STATEMENTS {
        let path = format!("shop/entry-{}", number % ENTRIES);
        let (author, grant) = if number % 2 == 0 { (3, operator) } else { (4, job) };
        let id = world.write(author, grant, &path, number as i128);
        if number == STATEMENTS / 2 + 1 {
            kept = Some(id);
        }
    }
    world.revoke(3, operator, 4, "shop", &[&kept.unwrap()]);
    world
}

#[test]
#[ignore = "measures"]
fn judging_costs_little_more_than_the_signatures() {
    let world = large();
    let text = world.export();
    let wires: Vec<Vec<u8>> = world.said.iter().map(|said| said.wire().to_vec()).collect();
    let count = wires.len() as f64;
    drop(world);
    let dir = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("DRIFTLESS_EXPORT").map(std::path::PathBuf::from);
    let file = kept.unwrap_or_else(|| dir.path().join("export.jsonl"));
    std::fs::write(&file, &text).unwrap();
    println!("{count} statements, {} bytes", text.len());
    drop(text);
    for round in 0..3 {
        let signed: Vec<Signed> = wires.iter().map(|wire| Signed::decode(wire).unwrap()).collect();
        let begun = processor();
        let mut points = Points::default();
        let mut good = signed.into_iter().map(|signed| signed.verify_with(&mut points).is_ok());
        assert!(good.all(|good| good));
        let signatures = processor() - begun;
        let begun = processor();
        let audited = audit::verify(&mut BufReader::new(std::fs::File::open(&file).unwrap()), None).unwrap();
        let whole = processor() - begun;
        println!(
            "round {round}: signatures alone {:.1} us each, whole {:.1} us each: {:.2} times; {:?}",
            signatures * 1e6 / count,
            whole * 1e6 / count,
            whole / signatures,
            audited.report.fates
        );
    }
}
