//! For each kind of event, a small state and the exact list of effects that follows.

use driftless_core::beacon::Health;
use driftless_core::machine::{
    CallId, Effect, Event, KEEP_STRUCK_BYTES, LocalChange, LocalEdit, Machine, Now, Pace, Precondition, Proofs, Rates,
    Setup, SubmitOutcome, Topic, WriteRefused,
};
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::{MeshId, Note, PublicKey, Scope, Signed, StatementId, json};

use crate::world::{START_MS, World, key};

/// An effect as one line: what it is, with all that a test must tell apart.
fn line(effect: &Effect) -> String {
    match effect {
        Effect::Store { batch, gone, statements, floor_ms } => {
            assert!(gone.is_empty());
            format!("store {batch}: {} statements, floor {}", statements.len(), floor_ms - START_MS)
        }
        Effect::Publish { topic: Topic::Beacons, .. } => "publish beacon".to_owned(),
        Effect::Publish { topic: Topic::Scope(scope), bytes } => match Gossip::decode(bytes).unwrap() {
            Gossip::Statement { .. } => format!("publish statement in {scope}"),
            Gossip::Announce { ids, .. } => format!("announce {} in {scope}", ids.len()),
            Gossip::Beacon { .. } => panic!("a beacon in a scope's topic"),
        },
        Effect::Mute { lasts_ms, .. } => format!("mute {lasts_ms} ms"),
        Effect::Verdict { verdict, .. } => format!("verdict {verdict:?}"),
        Effect::Request { corr, bytes, .. } => match Request::decode(bytes).unwrap() {
            Request::Compare { scope, count, .. } => format!("request {corr}: compare {scope}, {count} here"),
            Request::Fetch { ids } => format!("request {corr}: fetch {}", ids.len()),
            other => format!("request {corr}: {other:?}"),
        },
        Effect::Respond { token, bytes } => match Response::decode(bytes).unwrap() {
            Response::Same => format!("respond {token}: same"),
            Response::Taken { taken, refused } => format!("respond {token}: taken {taken}, refused {}", refused.len()),
            Response::Refused { word } => format!("respond {token}: refused {word:?}"),
            Response::Statements { statements, missing } => {
                format!("respond {token}: {} statements, {} missing", statements.len(), missing.len())
            }
            other => format!("respond {token}: {other:?}"),
        },
        Effect::Expelled(keys) => format!("expelled {}", keys.len()),
        Effect::Members(members) => format!("members {}", members.len()),
        Effect::Subscribe(Topic::Beacons) => "subscribe beacons".to_owned(),
        Effect::Subscribe(Topic::Scope(scope)) => format!("subscribe {scope}"),
        Effect::Wrote { call, outcome: Ok(receipt) } => format!("wrote {}: {:?}", call.0, receipt.fate),
        Effect::Wrote { call, outcome: Err(refused) } => format!("wrote {}: {}", call.0, word(refused)),
        Effect::Submitted { call, outcome } => {
            let words: Vec<_> = outcome.iter().map(submitted).collect();
            format!("submitted {}: {}", call.0, words.join(" "))
        }
        Effect::Show(view) => format!("show {}", view.revision()),
        Effect::Effective { delay_ms, apply_ms, catch_up, .. } => {
            let how = if *catch_up { "caught up" } else { "effective" };
            format!("{how} after {delay_ms}, {apply_ms} here")
        }
    }
}

fn word(refused: &WriteRefused) -> &'static str {
    match refused {
        WriteRefused::NotFounded => "not founded",
        WriteRefused::ReadOnly { .. } => "read only",
        WriteRefused::NoGrant { .. } => "no grant",
        WriteRefused::Precondition { .. } => "precondition",
        _ => "other",
    }
}

fn submitted(outcome: &SubmitOutcome) -> &'static str {
    match outcome {
        SubmitOutcome::Stored { .. } => "stored",
        SubmitOutcome::Known { .. } => "known",
        SubmitOutcome::Waiting { .. } => "waiting",
        SubmitOutcome::Invalid(_) => "invalid",
        SubmitOutcome::Refused { .. } => "refused",
        SubmitOutcome::NotHeld { .. } => "not held",
        SubmitOutcome::ReadOnly { .. } => "read only",
        SubmitOutcome::Full { .. } => "full",
        SubmitOutcome::Delayed { .. } => "delayed",
    }
}

/// One node of a mesh of two, whose disk is in the hands of the test.
struct One {
    machine: Machine,
    bundle: Vec<Vec<u8>>,
    at_ms: u64,
}

impl One {
    fn new() -> Self {
        let world = World::new(2);
        let setup = Setup {
            key: key(1),
            mesh: MeshId::from(world.genesis.id()),
            name: "one".to_owned(),
            wants: None,
            store: 1,
            boot: 1,
            floor_ms: 0,
            keep_struck_bytes: KEEP_STRUCK_BYTES,
            seed: 1,
            pace: Pace::default(),
            rates: Rates::default(),
            proofs: Proofs::default(),
        };
        let machine = Machine::new(setup, Now { mono_ms: 1_000, wall_ms: START_MS });
        Self { machine, bundle: world.bundle, at_ms: 0 }
    }

    fn on(&mut self, event: Event) -> Vec<String> {
        let now = Now { mono_ms: 1_000 + self.at_ms, wall_ms: START_MS + self.at_ms };
        let mut effects = Vec::new();
        self.machine.handle(now, event, &mut effects);
        effects.iter().map(line).collect()
    }

    fn submit(&mut self, call: u64) -> Vec<String> {
        let statements = self.bundle.clone();
        self.on(Event::Submit { call: CallId(call), statements })
    }

    fn write(&mut self, call: u64, at: &str, value: &str) -> Vec<String> {
        let change = LocalChange::Put(json::parse(value.as_bytes()).unwrap());
        let edit =
            LocalEdit { path: at.parse().unwrap(), change, precondition: Precondition::None, note: Note::default() };
        self.on(Event::Write { call: CallId(call), edit })
    }

    /// Loaded, and founded from the bundle.
    fn founded() -> Self {
        let mut one = Self::new();
        one.on(Event::Loaded(Vec::new()));
        one.submit(1);
        one.on(Event::Stored { batch: 1 });
        one
    }
}

fn peer() -> PublicKey {
    key(2).public()
}

const NOTHING: [&str; 0] = [];

#[test]
fn loaded() {
    let mut one = One::new();
    assert_eq!(
        one.on(Event::Loaded(Vec::new())),
        ["subscribe @mesh", "subscribe beacons", "show 0000000000000001-1.0"]
    );
}

#[test]
fn submitted_and_stored() {
    let mut one = One::new();
    one.on(Event::Loaded(Vec::new()));
    assert_eq!(one.submit(1), ["members 2", "store 1: 5 statements, floor 0"]);
    // Submitted again before the disk has it: told only when it is there.
    assert_eq!(one.submit(2), NOTHING);
    assert_eq!(
        one.on(Event::Stored { batch: 1 }),
        [
            "publish statement in @mesh",
            "publish statement in @mesh",
            "publish statement in @mesh",
            "publish statement in @mesh",
            "publish statement in @mesh",
            "submitted 1: stored stored stored stored stored",
            "submitted 2: known known known known known",
        ]
    );
    assert_eq!(one.submit(3), ["submitted 3: known known known known known"]);
    assert_eq!(one.on(Event::Stored { batch: 1 }), NOTHING);
}

#[test]
fn written() {
    let mut one = One::new();
    one.on(Event::Loaded(Vec::new()));
    assert_eq!(one.write(7, "shop/a", "1"), ["wrote 7: not founded"]);
    let mut one = One::founded();
    assert_eq!(one.write(2, "bank/a", "1"), ["wrote 2: no grant"]);
    assert_eq!(one.write(3, "shop/a", "1"), ["store 2: 1 statements, floor 0"]);
    // In line behind it; another entry waits for the disk only.
    assert_eq!(one.write(4, "shop/a", "2"), NOTHING);
    assert_eq!(one.write(5, "shop/b", "3"), NOTHING);
    assert_eq!(
        one.on(Event::Stored { batch: 2 }),
        [
            "subscribe shop",
            "show 0000000000000001-1.1",
            "publish statement in shop",
            "wrote 3: Some(Fit)",
            "store 3: 2 statements, floor 0",
        ]
    );
    assert_eq!(
        one.on(Event::Stored { batch: 3 }),
        [
            "show 0000000000000001-1.2",
            "publish statement in shop",
            "publish statement in shop",
            "wrote 5: Some(Fit)",
            "wrote 4: Some(Fit)",
        ]
    );
    assert_eq!(one.write(6, "shop/a", "2"), ["wrote 6: None"]);
}

/// Nothing goes to the disk behind a failure; what failed goes first again, and its entry stays in line.
#[test]
fn store_failed_and_recovered() {
    let mut one = One::founded();
    assert_eq!(one.write(2, "shop/a", "1"), ["store 2: 1 statements, floor 0"]);
    assert_eq!(one.write(3, "shop/a", "2"), NOTHING);
    assert_eq!(one.write(4, "shop/b", "3"), NOTHING);
    let reason = "full".to_owned();
    assert_eq!(
        one.on(Event::StoreFailed { batch: 2, reason: reason.clone() }),
        ["wrote 2: read only", "wrote 3: read only", "wrote 4: read only"]
    );
    assert_eq!(one.write(5, "shop/c", "1"), ["wrote 5: read only"]);
    assert_eq!(one.on(Event::Stored { batch: 2 }), NOTHING);
    assert_eq!(one.on(Event::StoreRecovered), ["store 3: 2 statements, floor 0"]);
    // A failure of a batch that is not under way changes nothing.
    assert_eq!(one.on(Event::StoreFailed { batch: 2, reason }), NOTHING);
    assert_eq!(one.write(6, "shop/a", "4"), NOTHING);
    assert_eq!(
        one.on(Event::Stored { batch: 3 }),
        [
            "subscribe shop",
            "show 0000000000000001-1.1",
            "publish statement in shop",
            "publish statement in shop",
            "store 4: 1 statements, floor 0",
        ]
    );
}

#[test]
fn connected_and_answered() {
    let mut one = One::founded();
    let peer = peer();
    assert_eq!(one.on(Event::Connected { peer }), ["request 1: compare @mesh, 5 here"]);
    assert_eq!(one.on(Event::Connected { peer }), NOTHING);
    // An answer that nobody waits for, or from another peer, is nothing.
    let same = Response::Same.encode();
    let other = key(3).public();
    assert_eq!(one.on(Event::Response { peer: other, corr: 1, bytes: same.clone() }), NOTHING);
    assert_eq!(one.on(Event::Response { peer, corr: 9, bytes: same.clone() }), NOTHING);
    // Said to be connected twice, it compares twice.
    let again = one.on(Event::Response { peer, corr: 1, bytes: same.clone() });
    assert_eq!(again, ["request 2: compare @mesh, 5 here"]);
    assert_eq!(one.on(Event::Response { peer, corr: 2, bytes: same }), NOTHING);
    assert_eq!(one.machine.queues().iter().map(|(_, size)| size).sum::<usize>(), 0);
}

#[test]
fn request_failed_and_disconnected() {
    let mut one = One::founded();
    let peer = peer();
    one.on(Event::Connected { peer });
    assert_eq!(one.on(Event::RequestFailed { peer, corr: 1 }), NOTHING);
    assert_eq!(one.on(Event::RequestFailed { peer, corr: 1 }), NOTHING);
    assert_eq!(one.on(Event::Disconnected { peer }), NOTHING);
    let id = StatementId([7; 32]);
    let bytes = Gossip::Announce { scope: Scope::parse("shop").unwrap(), ids: vec![id] }.encode();
    one.on(Event::Connected { peer });
    let announced = Event::Gossip { id: vec![1], from: peer, bytes: bytes.clone().into() };
    assert_eq!(one.on(announced), ["request 3: fetch 1"]);
    // A second message about it need not wait too.
    assert_eq!(one.on(Event::Gossip { id: vec![2], from: peer, bytes: bytes.into() }), ["verdict Ignore"]);
    assert_eq!(one.on(Event::Disconnected { peer }), NOTHING);
    assert_eq!(one.machine.queues()[4], ("requests", 0));
}

#[test]
fn gossiped() {
    let mut two = One::founded();
    let wire = write_of(&mut two);
    let mut one = One::new();
    one.on(Event::Loaded(Vec::new()));
    let bytes = Gossip::Statement { wire: wire.into() }.encode();
    let gossip = |id: u8, bytes: &[u8]| Event::Gossip { id: vec![id], from: peer(), bytes: bytes.into() };
    assert_eq!(one.on(gossip(1, &bytes)), ["verdict Ignore"]);
    let mut one = One::founded();
    assert_eq!(one.on(gossip(1, &bytes)), ["verdict Accept", "store 2: 1 statements, floor 0"]);
    assert_eq!(one.on(gossip(2, &bytes)), ["verdict Ignore"]);
    assert_eq!(one.on(gossip(3, b"junk")), ["verdict Reject"]);
    // A later version, and a kind that one may add: no peer is blamed for them, or an upgrade would have nodes banned.
    for later in [[0x82, 0x02, 0x00].as_slice(), &[0x82, 0x01, 0x18, 0x63]] {
        assert_eq!(one.on(gossip(4, later)), ["verdict Ignore"], "{later:?}");
    }
    one.at_ms = 40;
    assert_eq!(
        one.on(Event::Stored { batch: 2 }),
        ["subscribe shop", "show 0000000000000001-1.1", "effective after 40, 40 here"]
    );
}

/// What was signed before the latest link came up says nothing about how fast changes travel, whichever way it came;
/// what was signed since does, also when gossip lost it.
#[test]
fn caught_up() {
    for (signed_ms, linked_ms, arrives_ms, is_lag) in [
        (0, 9_000, 9_040, false),
        (8_999, 9_000, 9_040, false),
        (9_000, 9_000, 9_040, true),
        (9_000, 0, 9_000, true),
        (9_000, 0, 39_000, true),
        (9_000, 39_000, 39_000, false),
    ] {
        for gossiped in [true, false] {
            let mut two = One::founded();
            two.at_ms = signed_ms;
            let wire = write_of(&mut two);
            let mut one = One::founded();
            one.at_ms = linked_ms;
            one.on(Event::Connected { peer: peer() });
            one.at_ms = arrives_ms;
            one.on(if gossiped {
                let bytes = Gossip::Statement { wire: wire.into() }.encode();
                Event::Gossip { id: vec![1], from: peer(), bytes: bytes.into() }
            } else {
                let bytes = Response::Statements { statements: vec![wire.into()], missing: vec![] }.encode();
                Event::Response { peer: peer(), corr: 1, bytes }
            });
            let told = one.on(Event::Stored { batch: 2 });
            let delay_ms = arrives_ms - signed_ms;
            let how = if is_lag { "effective" } else { "caught up" };
            assert!(told.contains(&format!("{how} after {delay_ms}, 0 here")), "{told:?}");
            // The next beacon says it.
            one.at_ms += 10_000;
            one.on(Event::Tick);
            let lag_ms = one.machine.divergence().lag_ms;
            assert_eq!(lag_ms, if is_lag { delay_ms / 8 } else { 0 }, "signed {signed_ms}, linked {linked_ms}");
        }
    }
}

/// The wire bytes of a write that this node made.
fn write_of(one: &mut One) -> Vec<u8> {
    one.write(50, "shop/a", "1");
    one.on(Event::Stored { batch: 2 });
    let told = one.machine.statements(Some(&Scope::parse("shop").unwrap()), None, 1);
    told[0].statement.wire().to_vec()
}

#[test]
fn asked() {
    let mut one = One::founded();
    let wire = write_of(&mut one);
    let id = Signed::decode(&wire).unwrap().id();
    let ask = |token, request: Request| Event::Request { peer: peer(), token, bytes: request.encode() };
    assert_eq!(one.on(ask(1, Request::Fetch { ids: vec![id] })), ["respond 1: 1 statements, 0 missing"]);
    let junk = Event::Request { peer: peer(), token: 2, bytes: b"junk".to_vec() };
    assert!(one.on(junk)[0].starts_with("respond 2: refused"));
    // What is not on disk is not given out, and a push is acknowledged when it is, however often it comes.
    let mut two = One::founded();
    let push = |token| ask(token, Request::Push { statements: vec![wire.clone().into()] });
    // It signed this one itself, before its disk was lost: like any own one it goes onward when it is on disk.
    assert_eq!(two.on(push(3)), ["store 2: 1 statements, floor 0"]);
    assert_eq!(two.on(push(4)), NOTHING);
    assert_eq!(two.on(ask(5, Request::Fetch { ids: vec![id] })), ["respond 5: 0 statements, 1 missing"]);
    assert_eq!(
        two.on(Event::Stored { batch: 2 }),
        [
            "subscribe shop",
            "show 0000000000000001-1.1",
            "publish statement in shop",
            "effective after 0, 0 here",
            "respond 3: taken 1, refused 0",
            "respond 4: taken 1, refused 0",
        ]
    );
    // A disk that fails takes nothing, not even what is held in memory already.
    let mut two = One::founded();
    two.on(push(3));
    let failed = Event::StoreFailed { batch: 2, reason: "full".to_owned() };
    assert_eq!(two.on(failed), ["respond 3: taken 0, refused 1"]);
    assert_eq!(two.on(push(6)), ["respond 6: taken 0, refused 1"]);
}

#[test]
fn ticked() {
    let mut one = One::founded();
    assert_eq!(one.on(Event::Tick), NOTHING);
    one.at_ms = 3_500;
    assert_eq!(one.on(Event::Tick), ["publish beacon"]);
    assert!(one.machine.deadline() > 1_000 + one.at_ms);
    assert_eq!(one.on(Event::Tick), NOTHING);
}

#[test]
fn ailing() {
    let mut one = One::founded();
    one.at_ms = 3_500;
    assert_eq!(one.on(Event::Tick), ["publish beacon"]);
    assert_eq!(one.on(Event::Ails(Health::UNOPENABLE)), NOTHING);
    assert!(one.machine.status().health.has(Health::UNOPENABLE));
    one.at_ms = 4_000;
    assert_eq!(one.on(Event::Tick), ["publish beacon"], "told sooner than the beat would");
    assert_eq!(one.on(Event::Ails(Health::UNOPENABLE)), NOTHING);
    one.at_ms = 4_500;
    assert_eq!(one.on(Event::Tick), NOTHING, "nothing new, nothing sooner");
    assert_eq!(one.on(Event::Ails(Health::default())), NOTHING);
    assert!(!one.machine.status().health.has(Health::UNOPENABLE));
}
