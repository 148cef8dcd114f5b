//! What an auditor asks of a machine: what it refused and by whom, what waits for signatures, forks of its own branch, and an
//! export that is whole at every moment.

use driftless_core::machine::{Attempt, Fate, Signature};
use driftless_statement::{
    Body, Edit, Grant, Hlc, MeshId, Note, Op, Path, Prefix, PublicKey, SecretKey, Statement, StatementId, Terms, Touch,
    Value, Verb, Verified, Write,
};

use crate::random::ahead;
use crate::world::{World, key};

fn write(world: &World, author: &SecretKey, grant: StatementId, at: &str) -> Verified {
    let path = Path::parse(at).unwrap();
    let statement = Statement {
        mesh: MeshId::from(world.genesis.id()),
        scope: path.scope(),
        author: author.public(),
        grant,
        prev: vec![],
        touches: vec![Touch { path, bases: vec![] }],
        hlc: Hlc::from_millis(world.now_ms),
        body: Body::Write(Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(Value::Int(1)) }]] }),
        note: Note::default(),
        unknown: vec![],
    };
    Verified::sign(statement, author).unwrap()
}

fn by<'a>(attempts: &'a [Attempt], author: &PublicKey) -> &'a Attempt {
    attempts.iter().find(|attempt| attempt.author == *author).unwrap()
}

fn grant_id(wires: &[Vec<u8>]) -> StatementId {
    driftless_statement::Signed::decode(&wires[0]).unwrap().id()
}

#[test]
fn what_was_refused_is_noted_with_the_key_and_how_sure_that_is() {
    let mut world = World::founded(2);
    let (operator, stranger) = (key(110), key(120));
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    let id = grant_id(&grant);
    world.submit(0, grant);
    world.run_ms(1_000);
    let outside = write(&world, &operator, id, "web/a");
    let unknown = write(&world, &stranger, id, "shop/a");
    let mut forged = write(&world, &operator, id, "shop/b").wire().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for wire in [outside.wire().to_vec(), outside.wire().to_vec(), unknown.wire().to_vec(), forged] {
        world.submit(0, vec![wire]);
    }
    world.put(0, "web/by-the-node", "1");
    let node = &world.nodes[0].machine;
    let (attempts, dropped) = node.attempts();
    assert_eq!((attempts.len(), dropped), (4, 0));
    let found = attempts.iter().find(|attempt| attempt.rule == "outside").unwrap();
    assert_eq!((found.author, found.signature, found.count), (operator.public(), Signature::Good, 1), "sent twice");
    assert_eq!((found.came, found.kind, found.id), ("submission", "write", Some(outside.id())));
    assert_eq!(found.paths, [Path::parse("web/a").unwrap()]);
    let found = by(&attempts, &stranger.public());
    assert_eq!((found.signature, found.rule), (Signature::NotChecked, "no_such_grant"));
    let found = attempts.iter().find(|attempt| attempt.signature == Signature::Bad).unwrap();
    assert_eq!((found.author, found.rule), (operator.public(), "signature"));
    let found = by(&attempts, &node.node());
    assert_eq!((found.signature, found.came, found.rule, found.id), (Signature::Own, "edit", "no_grant", None));
    let refusals: Vec<_> = node.counts().refusals.iter().map(|((came, rule), count)| (*came, *rule, *count)).collect();
    assert_eq!(refusals, [("edit", "no_grant", 1), ("submission", "no_such_grant", 1), ("submission", "outside", 1)]);
}

#[test]
fn what_is_let_in_later_was_no_attempt_and_strangers_wash_out_nobody() {
    let mut world = World::founded(1);
    let operator = key(110);
    let grant = world.grant(operator.public(), Verb::Write, "shop", world.now_ms);
    let early = write(&world, &operator, grant_id(&grant), "shop/a");
    world.now_ms += 10;
    let early = Statement { hlc: Hlc::from_millis(world.now_ms), ..early.statement().clone() };
    let early = Verified::sign(early, &operator).unwrap();
    let outside = write(&world, &operator, grant_id(&grant), "web/a");
    world.submit(0, vec![early.wire().to_vec()]);
    assert_eq!(world.nodes[0].machine.attempts().0.len(), 1, "nobody knows the key yet");
    world.submit(0, grant);
    world.submit(0, vec![early.wire().to_vec(), outside.wire().to_vec()]);
    world.run_ms(1_000);
    let rules =
        |world: &World| world.nodes[0].machine.attempts().0.iter().map(|attempt| attempt.rule).collect::<Vec<_>>();
    assert_eq!(rules(&world), ["outside"]);
    for seed in 0..100u8 {
        let stranger = SecretKey::from_bytes([
            seed, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
            28, 29, 30, 31,
        ]);
        let junk = write(&world, &stranger, world.genesis.id(), "shop/a");
        world.submit(0, vec![junk.wire().to_vec()]);
    }
    let (attempts, dropped) = world.nodes[0].machine.attempts();
    assert_eq!((attempts.len(), dropped), (65, 37), "64 strangers, and the one that is known for sure");
    assert!(attempts.iter().any(|attempt| attempt.rule == "outside"));
}

#[test]
fn a_key_used_twice_is_counted_as_a_fork_once() {
    let mut world = World::founded(3);
    world.put(0, "shop/a", "1");
    world.run_ms(3_000);
    assert_eq!(world.nodes[0].machine.counts().own_forks, 0);
    world.isolate(2);
    // Somebody else has the key of node 0, and writes with it elsewhere.
    for path in ["shop/b", "shop/c"] {
        let other = ahead(&world, 2, path, &key(1), 0);
        world.submit(2, vec![other.wire().to_vec()]);
        world.run_ms(1_000);
    }
    world.put(0, "shop/a", "2");
    world.run_ms(1_000);
    world.heal();
    world.run_ms(5_000);
    let node = &world.nodes[0].machine;
    assert_eq!((node.counts().own_forks, node.status().own_forks), (1, 1));
    world.put(0, "shop/a", "3");
    world.run_ms(3_000);
    let node = &world.nodes[0].machine;
    assert_eq!((node.counts().own_forks, node.status().own_forks), (1, 0), "its next statement names both branches");
    assert_eq!(world.nodes[1].machine.counts().own_forks, 0, "it is nobody else's fork");
}

#[test]
fn what_waits_for_signatures_is_told_with_its_age_and_who_has_signed() {
    let mut world = World::with_roots(1, 3);
    world.submit(0, world.bundle.clone());
    world.run_ms(1_000);
    let grant = Grant {
        key: key(110).public(),
        verbs: [Verb::Write].into(),
        prefix: Prefix::all(),
        scopes: vec![],
        terms: Terms::default(),
    };
    let act = world.root_act(Body::from(grant), &[], world.now_ms);
    let id = grant_id(&act);
    world.submit(0, vec![act[0].clone()]);
    world.run_ms(1_000);
    let of = |world: &World| {
        let found = world.nodes[0].machine.audit(|said| said.id() == id, |_| true, None, 10);
        (found[0].reach.told.fate.clone(), found[0].approvals.len(), found[0].chain.len())
    };
    assert!(matches!(of(&world), (Fate::Pending(_), 0, 1)), "{:?}", of(&world));
    assert_eq!(world.nodes[0].machine.status().pending_ms.len(), 1);
    world.submit(0, vec![act[1].clone()]);
    world.run_ms(1_000);
    assert!(matches!(of(&world), (Fate::Fit, 1, 1)), "{:?}", of(&world));
    assert!(world.nodes[0].machine.status().pending_ms.is_empty());
}

#[test]
fn an_export_has_what_is_named_before_what_names_it_and_only_what_is_on_disk() {
    let mut world = World::founded(2);
    for number in 0..5 {
        world.put(number % 2, &format!("shop/{number}"), "1");
        world.put(number % 2, "shop/same", &number.to_string());
        // Not settled: some of it is on its way to the disk.
        let exported = world.nodes[0].machine.export(None);
        let ids: Vec<StatementId> = exported.told.iter().map(|told| told.statement.id()).collect();
        assert_eq!(ids[0], world.genesis.id());
        for (place, told) in exported.told.iter().enumerate() {
            assert_ne!(told.fate, Fate::Storing);
            assert!(told.statement.statement().names().iter().all(|name| ids[..place].contains(name)));
        }
        world.run_ms(700);
    }
    let only = world.nodes[0].machine.export(Some(&std::collections::BTreeSet::new()));
    assert!(only.told.iter().all(|told| told.statement.statement().scope.is_mesh()));
    assert_eq!(world.nodes[0].machine.export(None).told.len() as u64, world.nodes[0].machine.status().statements);
}
