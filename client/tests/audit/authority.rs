//! What `check` answers is what trust does with a statement that tries it; the tree has every grant once.

use driftless_client::audit::{Target, check, tree};
use driftless_statement::{
    Body, Edit, Hlc, Note, Op, Path, Prefix, Statement, StatementId, Touch, Value, Verb, Verified, Write,
};
use driftless_trust::Accepted;
use proptest::prelude::*;

use crate::figures;
use crate::world::{World, eventful, key, secret};

const PATHS: [&str; 5] = ["shop/limits", "shop/a/b", "web/motd", "@mesh/schemas/shop", "shop/a"];
const PREFIXES: [&str; 6] = ["", "shop", "shop/a", "web", "@mesh", "shop/a/b"];

/// Each case signs some hundred statements.
fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: figures::law((figures::asked() / 16).max(64)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A trust act by numbers: who, relying on which statement, about whom, verbs, where, and what it is.
type Act = (u8, usize, u8, u8, usize, bool);

fn world(acts: &[Act]) -> World {
    let mut world = World::new();
    world.by_roots(|world, genesis| world.grant(0, genesis, 3, &Verb::ALL, ""));
    let mut grants = vec![world.genesis.id(), world.said[1].id()];
    for (author, relies, about, verbs, prefix, revokes) in acts {
        let on = grants[relies % grants.len()];
        let prefix = PREFIXES[prefix % PREFIXES.len()];
        let id = if *revokes {
            world.revoke(author % 6, on, about % 6, prefix, &[])
        } else {
            let verbs: Vec<Verb> = Verb::ALL
                .into_iter()
                .enumerate()
                .filter(|(bit, _)| verbs >> bit & 1 == 1)
                .map(|(_, verb)| verb)
                .collect();
            let verbs = if verbs.is_empty() { vec![Verb::Write] } else { verbs };
            world.grant(author % 6, on, about % 6, &verbs, prefix)
        };
        if !revokes {
            grants.push(id);
        }
        if author % 6 < 3 && verbs % 2 == 0 {
            world.approve(if author % 6 == 1 { 2 } else { 1 }, id);
        }
    }
    world
}

/// Whether a write of an entry by a key counts, whatever grant it relies on.
fn may_write(world: &World, author: u8, path: &Path) -> bool {
    let (trust, accepted) = world.trust();
    let may = |grant: StatementId| {
        let edits = vec![vec![Edit { at: vec![], op: Op::Put(Value::Null) }]];
        let statement = Statement {
            mesh: world.mesh(),
            scope: path.scope(),
            author: key(author),
            grant,
            prev: vec![],
            touches: vec![Touch { path: path.clone(), bases: vec![] }],
            hlc: Hlc::from_millis(world.floor_ms() + 1),
            body: Body::Write(Write { edits }),
            note: Note::default(),
            unknown: vec![],
        };
        trust.authorised(&Verified::sign(statement, &secret(author)).unwrap(), &accepted).is_ok()
    };
    world.said.iter().any(|said| may(said.id()))
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(
        (any::<u8>(), any::<usize>(), any::<u8>(), any::<u8>(), any::<usize>(), prop::bool::weighted(0.3)),
        0..12,
    )
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn check_says_what_trust_does(acts in acts()) {
        let world = world(&acts);
        let mesh: Vec<_> = world.said.clone();
        let (trust, _) = world.trust();
        for author in 0..6 {
            for path in PATHS.map(|path| Path::parse(path).unwrap()) {
                let verb = if path.scope().is_mesh() { Verb::Operate } else { Verb::Write };
                let answer = check(&trust, &mesh, &key(author), verb, &Target::Entry(path.clone()), 0);
                prop_assert_eq!(answer.allowed, may_write(&world, author, &path), "{:?}", answer);
                prop_assert_eq!(answer.allowed, answer.reasons.is_empty());
                prop_assert_eq!(answer.allowed, answer.chain.last() == Some(&world.genesis.id()));
                let other = if verb == Verb::Write { Verb::Operate } else { Verb::Write };
                prop_assert!(!check(&trust, &mesh, &key(author), other, &Target::Entry(path), 0).allowed);
            }
        }
        let mut seen = Vec::new();
        let tree = tree(&trust, &mesh);
        let mut nodes: Vec<_> = tree.grants.iter().collect();
        while let Some(node) = nodes.pop() {
            seen.push(node.id);
            nodes.extend(&node.grants);
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, trust.grants().map(|(id, _)| *id).collect::<Vec<_>>());
        for act in &tree.void {
            let said = mesh.iter().find(|said| said.id() == act.id).unwrap();
            prop_assert!(trust.admissible(said, &Accepted::default()).is_err());
        }
    }
}

#[test]
fn each_refusal_has_its_rule() {
    let world = eventful();
    let mesh: Vec<_> = world.said.clone();
    let (trust, _) = world.trust();
    let rules = |author: u8, verb: Verb, target: Target| {
        let answer = check(&trust, &mesh, &key(author), verb, &target, 0);
        assert!(!answer.allowed, "{answer:?}");
        answer.reasons.iter().map(|reason| reason.rule).collect::<Vec<_>>()
    };
    let entry = |path: &str| Target::Entry(Path::parse(path).unwrap());
    let under = |prefix: &str| Target::Under(Prefix::parse(prefix).unwrap());
    assert_eq!(rules(4, Verb::Write, entry("shop/a")), ["struck"]);
    assert_eq!(rules(4, Verb::Write, entry("web/a")), ["outside"]);
    assert_eq!(rules(4, Verb::Delegate, under("shop")), ["verb"]);
    assert_eq!(rules(5, Verb::Write, entry("shop/a")), ["verb"]);
    assert_eq!(rules(6, Verb::Write, entry("shop/a")), ["grant_pending"]);
    assert_eq!(rules(7, Verb::Write, entry("shop/a")), ["no_such_grant"]);
    assert_eq!(rules(3, Verb::Write, entry("@mesh/a")), ["verb"]);
    assert_eq!(rules(3, Verb::Member, under("shop")), ["verb"]);
    let root = check(&trust, &mesh, &key(0), Verb::Revoke, &under(""), 0);
    assert_eq!(root.root_act.map(|act| (act.threshold, act.roots)), Some((2, 3)));
    assert!(!check(&trust, &mesh, &key(0), Verb::Write, &entry("shop/a"), 0).allowed);
}
