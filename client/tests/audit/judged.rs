//! What is sound is verified, with the fates that trust gives; what is broken is named by its line.

use driftless_client::audit::Flaw;
use driftless_client::export::{Line, Record};
use driftless_statement::{MeshId, Why};

use crate::world::{World, body, broken, eventful, judge, sealed};

#[test]
fn a_sound_export_is_verified_and_says_what_is_in_it() {
    let world = eventful();
    let audit = judge(&world.export(), Some(world.mesh())).unwrap();
    let report = &audit.report;
    assert_eq!(report.statements, world.said.len() as u64);
    let fates: Vec<(&str, u64)> = report.fates.iter().map(|(fate, count)| (fate.as_str(), *count)).collect();
    assert_eq!(fates, [("fit", 9), ("not_due", 1), ("pending", 2), ("void", 6)]);
    assert_eq!((report.authors, report.attempts, report.mesh_expected), (6, 1, true));
    assert_eq!(
        audit.mesh.len() as u64,
        report.kinds.iter().filter(|(kind, _)| *kind != "write").map(|(_, n)| n).sum::<u64>()
    );
    assert!(!judge(&world.export(), None).unwrap().report.mesh_expected);
    let other = broken_of(&world, Some(MeshId([7; 32])));
    assert!(matches!(other, Flaw::OtherMesh { .. }), "{other}");
}

fn broken_of(world: &World, mesh: Option<MeshId>) -> Flaw {
    match judge(&world.export(), mesh) {
        Err(driftless_client::audit::Unverified::Broken(broken)) => broken.flaw,
        other => panic!("{other:?}"),
    }
}

/// The lines with one replaced, sealed anew.
fn with_line(text: &str, at: usize, change: impl FnOnce(&str) -> Vec<String>) -> String {
    let mut lines: Vec<String> = body(text).lines().map(str::to_owned).collect();
    let changed = change(&lines[at]);
    lines.splice(at..=at, changed);
    let body = lines.join("\n") + "\n";
    String::from_utf8(sealed(body.as_bytes())).unwrap()
}

fn record(line: &str) -> Record {
    match serde_json::from_str(line).unwrap() {
        Line::Record(record) => *record,
        other => panic!("{other:?}"),
    }
}

/// The line, from 0, of the first record for which this holds.
fn find(text: &str, wanted: impl Fn(&Record) -> bool) -> usize {
    let lines = body(text).lines().enumerate();
    let mut records = lines.filter(|(_, line)| line.starts_with("{\"record\""));
    records.find(|(_, line)| wanted(&record(line))).unwrap().0
}

#[test]
fn what_was_altered_is_named_by_its_line() {
    let text = eventful().export();
    let fate = |path: &'static str| {
        move |record: &Record| record.statement.paths.iter().any(|touched| touched.as_str() == path)
    };
    let motd = find(&text, fate("web/motd"));
    let with = |change: fn(&mut Record)| {
        let changed = with_line(&text, motd, |line| {
            let mut record = record(line);
            change(&mut record);
            vec![driftless_client::export::text(&Line::Record(Box::new(record)))]
        });
        let found = broken(&changed);
        assert_eq!(found.line, motd as u64 + 1, "{found}");
        found.flaw.to_string()
    };
    assert!(
        with(|record| record.statement.note = Why { reason: "another".to_owned(), ..Why::default() }.into())
            .starts_with("note: not what the signed bytes say")
    );
    assert!(with(|record| record.statement.time.replace_range(0..4, "2027")).starts_with("time: "));
    assert!(with(|record| record.statement.edits[0][0] = "put the whole value 9".to_owned()).starts_with("edits: "));
    assert!(with(|record| record.statement.fate = "void".to_owned()).contains("by the rules it is \"fit\""));
    assert!(with(|record| record.statement.reason = Some("so".to_owned())).contains("by the rules it is \"fit\""));
    assert!(with(|record| record.wire = record.wire.replace('=', "")).contains("not base64"));
    assert!(with(|record| record.wire.replace_range(0..4, "AAAA")).contains("statement: "));
    // The signature is the last 64 bytes: the last whole group of base64 lies in it.
    assert!(
        with(|record| record.wire.replace_range(record.wire.len() - 8..record.wire.len() - 4, "AAAA"))
            .contains("signature: does not verify")
    );
}

#[test]
fn what_was_moved_repeated_or_removed_is_named() {
    let text = eventful().export();
    let limits = find(&text, |record| record.statement.paths.iter().any(|path| path.as_str() == "shop/limits"));
    // Its author's next statement in the scope names it.
    let gone = broken(&with_line(&text, limits, |_| Vec::new()));
    assert!(matches!(gone.flaw, Flaw::Missing { .. }), "{gone}");
    let twice = broken(&with_line(&text, limits, |line| vec![line.to_owned(), line.to_owned()]));
    assert!(matches!((twice.line, &twice.flaw), (line, Flaw::Twice) if line == limits as u64 + 2), "{twice}");
    // A statement that nothing names can be left out by who wrote the file; by accident it cannot.
    let late = find(&text, |record| record.statement.paths.iter().any(|path| path.as_str() == "shop/future"));
    let lines: Vec<&str> = text.lines().enumerate().filter(|(at, _)| *at != late).map(|(_, line)| line).collect();
    let short = broken(&(lines.join("\n") + "\n"));
    assert!(matches!(short.flaw, Flaw::End { what: "statements", .. }), "{short}");
    assert!(judge(&with_line(&text, late, |_| Vec::new()), None).is_ok());
    let (first, second) = (body(&text).lines().nth(1).unwrap(), body(&text).lines().nth(2).unwrap());
    let swapped = with_line(&with_line(&text, 2, |_| Vec::new()), 1, |_| vec![second.to_owned(), first.to_owned()]);
    assert!(matches!(broken(&swapped), found if found.line == 2 && matches!(found.flaw, Flaw::NoGenesis { .. })));
    assert!(matches!(broken(body(&text)).flaw, Flaw::CutOff));
    assert!(matches!(broken(text.trim_end()).flaw, Flaw::CutOff));
    assert!(matches!(broken("").flaw, Flaw::CutOff));
    assert!(matches!(broken(&format!("{text}{{}}\n")).flaw, Flaw::Form(_)));
    assert!(matches!(broken(&format!("{text}{}", text.lines().last().unwrap())).flaw, Flaw::CutOff));
    let foreign = World::called("other").export();
    let stranger = broken(&with_line(&foreign, 0, |_| vec![text.lines().next().unwrap().to_owned()]));
    assert!(matches!((stranger.line, &stranger.flaw), (2, Flaw::Invalid(_))), "{stranger}");
}

#[test]
fn what_a_revocation_accepts_is_judged_after_all_was_seen() {
    let text = eventful().export();
    let of = |path: &'static str, fate: &'static str| {
        find(&text, move |record| {
            record.statement.fate == fate && record.statement.paths.iter().any(|touched| touched.as_str() == path)
        })
    };
    // Kept by the frontier, directly and through what it names; not kept.
    for (at, wrong) in
        [(of("shop/job", "fit"), "void"), (of("shop/job", "void"), "fit"), (of("shop/late", "void"), "fit")]
    {
        let found = broken(&with_line(&text, at, |line| {
            let mut record = record(line);
            record.statement.fate = wrong.to_owned();
            record.statement.reason = None;
            vec![driftless_client::export::text(&Line::Record(Box::new(record)))]
        }));
        assert_eq!(found.line, at as u64 + 1, "{found}");
        assert!(matches!(found.flaw, Flaw::Fate { .. }), "{found}");
    }
}
