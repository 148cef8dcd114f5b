//! Random worlds: what may happen to a mesh, as a list that a property can shrink.

use driftless_core::machine::{LocalChange, MergedAnswer, Precondition};
use driftless_core::rng::Rng;
use driftless_statement::edit::{Edit, Op as Does};
use driftless_statement::{
    Body, Frontier, Grant, Hlc, Note, Path, Prefix, Revoke, Scope, SecretKey, Statement, StatementId, Step, Terms,
    Touch, Tree, Value, Verb, Verified, Write, diff, json,
};
use proptest::prelude::*;

use crate::world::{Sins, World, key};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Act {
    /// A local edit; with `matching`, `If-Match` on what the node shows.
    Edit {
        node: usize,
        entry: usize,
        how: u8,
        value: u8,
        matching: bool,
    },
    /// An operator signs on what one node knows and submits it to one or two.
    Sign {
        node: usize,
        also: usize,
        entry: usize,
        author: u8,
        how: u8,
        ahead_ms: u64,
    },
    /// A grant for an operator arrives at one node.
    Grant {
        node: usize,
        author: u8,
    },
    /// An operator writes, changes or deletes a schema on what one node knows.
    Schema {
        node: usize,
        which: usize,
        ahead_ms: u64,
    },
    /// The revoker, who is no root, grants an operator what it holds itself.
    Delegate {
        node: usize,
        author: u8,
    },
    /// A root act, or the revoker, revokes an operator on a prefix and accepts some of what one node knows of it.
    Revoke {
        node: usize,
        author: u8,
        by_root: bool,
        prefix: usize,
        accept: u8,
        ahead_ms: u64,
    },
    /// A root act gives an operator back what all revocations known took.
    GiveBack {
        node: usize,
        author: u8,
    },
    Large {
        node: usize,
    },
    Cut {
        node: usize,
    },
    Heal,
    Crash {
        node: usize,
    },
    DiskFails {
        node: usize,
    },
    DiskWorks {
        node: usize,
    },
    Clock {
        node: usize,
        skew_ms: i64,
    },
    Pass {
        ms: u64,
    },
}

/// A world and its history.
#[derive(Debug, Clone)]
pub struct History {
    pub nodes: usize,
    pub roots: u8,
    pub seed: u64,
    pub joiner: bool,
    pub picky: bool,
    pub sins: (u64, u64, u64, u64),
    pub acts: Vec<Act>,
}

const ENTRIES: [&str; 4] = ["shop/a", "shop/b", "bank/a", "shop/deep/c"];

fn act() -> impl Strategy<Value = Act> {
    let node = 0usize..5;
    // Beyond the allowed skew a statement waits for its time.
    let many = prop_oneof![Just(0u64), Just(0), 55_000u64..72_000];
    prop_oneof![
        6 => (node.clone(), 0usize..4, 0u8..6, any::<u8>(), any::<bool>())
            .prop_map(|(node, entry, how, value, matching)| Act::Edit { node, entry, how, value, matching }),
        5 => (node.clone(), 0usize..5, 0usize..4, 0u8..3, 0u8..6, many.clone())
            .prop_map(|(node, also, entry, author, how, ahead_ms)| Act::Sign { node, also, entry, author, how, ahead_ms }),
        1 => (node.clone(), 0u8..3).prop_map(|(node, author)| Act::Grant { node, author }),
        2 => (node.clone(), 0usize..6, many.clone())
            .prop_map(|(node, which, ahead_ms)| Act::Schema { node, which, ahead_ms }),
        1 => (node.clone(), 0u8..3).prop_map(|(node, author)| Act::Delegate { node, author }),
        2 => (node.clone(), 0u8..4, any::<bool>(), 0usize..3, 0u8..3, many)
            .prop_map(|(node, author, by_root, prefix, accept, ahead_ms)| {
                Act::Revoke { node, author, by_root, prefix, accept, ahead_ms }
            }),
        1 => (node.clone(), 0u8..4).prop_map(|(node, author)| Act::GiveBack { node, author }),
        1 => node.clone().prop_map(|node| Act::Large { node }),
        1 => node.clone().prop_map(|node| Act::Cut { node }),
        1 => Just(Act::Heal),
        2 => node.clone().prop_map(|node| Act::Crash { node }),
        1 => node.clone().prop_map(|node| Act::DiskFails { node }),
        1 => node.clone().prop_map(|node| Act::DiskWorks { node }),
        1 => (node, -30_000i64..30_000).prop_map(|(node, skew_ms)| Act::Clock { node, skew_ms }),
        4 => prop_oneof![0u64..30, 0u64..3_000].prop_map(|ms| Act::Pass { ms }),
    ]
}

/// Histories of up to `most` acts.
pub fn history(most: usize) -> impl Strategy<Value = History> {
    let sins = (0u64..300, 0u64..200, 0u64..150, 0u64..400);
    let kind = (2usize..5, prop_oneof![Just(1u8), Just(3)], any::<u64>(), any::<bool>(), any::<bool>());
    (kind, sins, prop::collection::vec(act(), 1..most)).prop_map(|((nodes, roots, seed, joiner, picky), sins, acts)| {
        History { nodes, roots, seed, joiner, picky, sins, acts }
    })
}

impl History {
    /// The world after it all, nothing healed.
    pub fn play(&self) -> World {
        let mut world = World::with_roots(self.nodes, self.roots);
        world.order = Some(Rng::new(self.seed));
        if self.picky {
            world.wants(0, &["shop"]);
        }
        // Nodes that keep different parts of what was struck must agree all the same.
        (1..self.nodes).step_by(2).for_each(|node| world.keeps_struck(node, 0));
        let known = self.nodes - usize::from(self.joiner);
        for node in 0..known {
            world.submit(node, world.bundle.clone());
        }
        // The first operator is granted all from the start, the others later or never.
        let at = world.now_ms - 100;
        let grant = world.grant(key(100).public(), Verb::Write, "", at);
        world.submit(0, grant);
        let grant = world.grant(key(OPERATOR).public(), Verb::Operate, "@mesh/schemas", at);
        world.submit(0, grant);
        let verbs = [Verb::Write, Verb::Delegate, Verb::Revoke].into_iter().collect();
        let prefix = Prefix::parse("shop").unwrap();
        let grant = Grant { key: key(REVOKER).public(), verbs, prefix, scopes: Vec::new(), terms: Terms::default() };
        let grant = world.root_act(Body::from(grant), &[], at);
        world.submit(0, grant);
        world.link_all();
        world.run_ms(1_000);
        let (lose, twice, fail, delay_ms) = self.sins;
        world.sins = Sins { lose, twice, fail, delay_ms };
        self.acts.iter().for_each(|act| act.play(&mut world));
        world
    }
}

/// Ends everything bad and lets everything arrive and come due.
pub fn heal(world: &mut World) {
    world.sins = Sins::default();
    for node in 0..world.nodes.len() {
        disk_works(world, node);
    }
    world.heal();
    world.run_ms(75_000);
}

fn disk_works(world: &mut World, node: usize) {
    if !world.nodes[node].disk_works {
        world.disk_works(node);
    }
}

impl Act {
    fn play(&self, world: &mut World) {
        let count = world.nodes.len();
        match self {
            Self::Edit { node, entry, how, value, matching } => {
                edit(world, node % count, ENTRIES[*entry], *how, *value, *matching);
            }
            Self::Sign { node, also, entry, author, how, ahead_ms } => {
                let signed = sign(world, node % count, ENTRIES[*entry], &key(100 + author), *how, *ahead_ms);
                if let Some(signed) = signed {
                    world.submit(node % count, vec![signed.wire().to_vec()]);
                    world.submit(also % count, vec![signed.wire().to_vec()]);
                }
            }
            Self::Grant { node, author } => {
                let grant = world.grant(key(100 + author).public(), Verb::Write, "shop", world.now_ms);
                world.submit(node % count, grant);
            }
            Self::Schema { node, which, ahead_ms } => {
                if let Some(signed) = schema(world, node % count, *which, *ahead_ms) {
                    world.submit(node % count, vec![signed.wire().to_vec()]);
                }
            }
            Self::Delegate { node, author } => delegate(world, node % count, &key(100 + author)),
            Self::Revoke { node, author, by_root, prefix, accept, ahead_ms } => {
                let prefix = ["", "shop", "shop/a"][*prefix];
                revoke(world, node % count, &key(100 + author), *by_root, prefix, *accept, *ahead_ms);
            }
            Self::GiveBack { node, author } => give_back(world, node % count, &key(100 + author)),
            Self::Large { node } => {
                let large = format!("\"{}\"", "x".repeat(70_000));
                world.put(node % count, "shop/large", &large);
            }
            Self::Cut { node } => world.isolate(node % count),
            Self::Heal => world.heal(),
            Self::Crash { node } => world.restart(node % count),
            Self::DiskFails { node } => world.nodes[node % count].disk_works = false,
            Self::DiskWorks { node } => disk_works(world, node % count),
            Self::Clock { node, skew_ms } => world.nodes[node % count].skew_ms = *skew_ms,
            Self::Pass { ms } => world.run_ms(*ms),
        }
    }
}

fn edit(world: &mut World, node: usize, at: &str, how: u8, value: u8, matching: bool) {
    let parse = |text: &str| json::parse(text.as_bytes()).unwrap();
    let change = match how {
        0 => LocalChange::Delete,
        1 => LocalChange::MergePatch(parse(&format!(r#"{{"n":{value},"old":null}}"#))),
        2 => LocalChange::JsonPatch(parse(&format!(r#"[{{"op":"add","path":"/list/-","value":{value}}}]"#))),
        3 => LocalChange::Put(parse(&value.to_string())),
        _ => LocalChange::Put(parse(&format!(r#"{{"n":{value},"list":[1,{value}],"old":1}}"#))),
    };
    let tag = world.nodes[node].machine.view().get(&at.parse().unwrap()).map(|entry| entry.etag());
    match tag.filter(|_| matching) {
        Some(tag) => {
            let call = world.edit(node, at, change, Precondition::OneOf(vec![tag.clone()]));
            world.nodes[node].matching.insert(call, (at.to_owned(), tag));
        }
        None => drop(world.edit(node, at, change, Precondition::None)),
    }
}

/// A statement that is dated ahead.
pub fn ahead(world: &World, node: usize, at: &str, author: &SecretKey, ahead_ms: u64) -> Verified {
    sign(world, node, at, author, 5, ahead_ms).unwrap()
}

/// Who may write schemas.
const OPERATOR: u8 = 110;

/// Who may write, delegate and revoke under `shop`; operator 3 is the same key.
const REVOKER: u8 = 103;

/// A grant to a key with a verb, as one node knows it, whether it still stands or not.
fn any_grant(world: &World, node: usize, key: &SecretKey, verb: Verb) -> Option<StatementId> {
    let grants = world.nodes[node].machine.grants();
    let mut fits = grants
        .iter()
        .filter(|told| told.standing.grant.key == key.public() && told.standing.grant.verbs.contains(&verb));
    fits.next().map(|told| told.standing.id)
}

fn write_in_shop(to: &SecretKey) -> Body {
    Body::from(Grant {
        key: to.public(),
        verbs: [Verb::Write].into(),
        prefix: Prefix::parse("shop").unwrap(),
        scopes: vec![],
        terms: Terms::default(),
    })
}

fn delegate(world: &mut World, node: usize, to: &SecretKey) {
    let Some(grant) = any_grant(world, node, &key(REVOKER), Verb::Delegate) else { return };
    let body = write_in_shop(to);
    let act = world.act(&key(REVOKER), grant, body, world.now(node).wall_ms);
    world.submit(node, vec![act.wire().to_vec()]);
}

fn revoke(world: &mut World, node: usize, of: &SecretKey, by_root: bool, prefix: &str, accept: u8, ahead_ms: u64) {
    let machine = &world.nodes[node].machine;
    let mut frontier = Frontier::default();
    for told in machine.statements(None, None, usize::MAX) {
        let said = told.statement.statement();
        let early = said.hlc.millis() % 2 == 0;
        if said.author == of.public() && (accept == 2 || (accept == 1 && early)) {
            frontier.insert(said.scope.clone(), told.statement.id());
        }
    }
    let body = Body::from(Revoke { key: of.public(), prefix: Prefix::parse(prefix).unwrap(), frontier });
    let at = world.now(node).wall_ms + ahead_ms;
    let wires = if by_root {
        world.root_act(body, &[], at)
    } else {
        let Some(grant) = any_grant(world, node, &key(REVOKER), Verb::Revoke) else { return };
        vec![world.act(&key(REVOKER), grant, body, at).wire().to_vec()]
    };
    world.submit(node, wires);
}

fn give_back(world: &mut World, node: usize, to: &SecretKey) {
    let told = world.nodes[node].machine.statements(Some(&Scope::mesh()), None, usize::MAX);
    let revocations = told.iter().filter(|told| matches!(told.statement.statement().body, Body::Revoke(_)));
    let bases: Vec<StatementId> = revocations.map(|told| told.statement.id()).take(16).collect();
    let body = write_in_shop(to);
    let acts = world.root_act(body, &bases, world.now(node).wall_ms + 100_000);
    world.submit(node, acts);
}

/// Schemas that some of what is written here meets and some does not; the last one is none, and no value is a deletion.
const SCHEMAS: [Option<&str>; 6] = [
    Some(r#"{"governs":"shop","schema":{"properties":{"n":{"maximum":100}}}}"#),
    Some(r#"{"governs":"shop/a","schema":{"required":["list"]}}"#),
    Some(r#"{"governs":"shop","schema":{"properties":{"list":{"maxItems":2}}}}"#),
    Some(r#"{"governs":"shop/deep","schema":{"type":"object"}}"#),
    None,
    Some(r#"{"governs":"shop","schema":{"pattern":"x"}}"#),
];

fn schema(world: &World, node: usize, which: usize, ahead_ms: u64) -> Option<Verified> {
    let path: Path = ["@mesh/schemas/shop/one", "@mesh/schemas/shop/two"][which % 2].parse().unwrap();
    let author = key(OPERATOR);
    let told = world.nodes[node].machine.merged(&path, Some(&author.public())).ok()?;
    let edits = match SCHEMAS[which] {
        Some(text) => diff::diff(told.tree.as_ref(), &json::parse(text.as_bytes()).unwrap()),
        None if told.tree.is_some() => diff::delete(),
        None => Vec::new(),
    };
    signed(world, node, told, path, edits, &author, ahead_ms)
}

/// A statement as a client would sign it from what one node told.
/// A statement by an author about an entry, as one node has it; `None` when it would change nothing.
pub fn sign(world: &World, node: usize, at: &str, author: &SecretKey, how: u8, ahead_ms: u64) -> Option<Verified> {
    let path: Path = at.parse().unwrap();
    let told = world.nodes[node].machine.merged(&path, Some(&author.public())).ok()?;
    let key = |name: &str| Step::Key(name.to_owned());
    let edits = match (how, &told.tree) {
        (0, Some(_)) => diff::delete(),
        (1, Some(Tree::Map(_))) => vec![Edit { at: vec![key("count")], op: Does::Counter(3) }],
        (2 | 3, Some(Tree::Map(map))) if matches!(map.get("count"), Some(Tree::Counter(_))) => {
            vec![Edit { at: vec![key("count")], op: Does::Increment(i64::from(how)) }]
        }
        _ => {
            let list = (0..i128::from(how)).map(Value::Int).collect();
            let map = [("list".to_owned(), Value::List(list)), ("how".to_owned(), Value::Int(how.into()))];
            diff::diff(told.tree.as_ref(), &Value::Map(map.into_iter().collect()))
        }
    };
    signed(world, node, told, path, edits, author, ahead_ms)
}

fn signed(
    world: &World,
    node: usize,
    told: MergedAnswer,
    path: Path,
    edits: Vec<Edit>,
    author: &SecretKey,
    ahead_ms: u64,
) -> Option<Verified> {
    if edits.is_empty() {
        return None;
    }
    let clock = Hlc::from_millis(world.now(node).wall_ms + ahead_ms);
    // Whom a revocation struck signs on.
    let verb = if path.scope().is_mesh() { Verb::Operate } else { Verb::Write };
    let statement = Statement {
        mesh: told.mesh,
        scope: path.scope(),
        author: author.public(),
        grant: told.grant.or_else(|| any_grant(world, node, author, verb))?,
        prev: told.prev,
        touches: vec![Touch { path, bases: told.heads }],
        hlc: told.after.next()?.max(clock),
        body: Body::Write(Write { edits: vec![edits] }),
        note: Note::default(),
        unknown: Vec::new(),
    };
    Some(Verified::sign(statement, author).unwrap())
}

/// Every pair of nodes has equal sets, merged and effective digests and values of each scope that both hold.
pub fn assert_equal(world: &World) {
    let digests: Vec<_> = (0..world.nodes.len()).map(|node| world.digests(node)).collect();
    for (node, mine) in digests.iter().enumerate() {
        for (other, theirs) in digests.iter().enumerate().skip(node + 1) {
            for of_mine in mine {
                let of_theirs = theirs.iter().find(|of_theirs| of_theirs.0 == of_mine.0);
                assert!(
                    of_theirs.is_none_or(|of_theirs| of_theirs == of_mine),
                    "P3: {node} and {other} differ in {}: {:?} / {:?}",
                    of_mine.0,
                    world.nodes[node].machine.status().scopes.into_iter().find(|s| s.scope.as_str() == of_mine.0),
                    world.nodes[other].machine.status().scopes.into_iter().find(|s| s.scope.as_str() == of_mine.0),
                );
                let prefix = Prefix::parse(if of_mine.0 == Scope::mesh().as_str() { "" } else { &of_mine.0 }).unwrap();
                if of_theirs.is_some() && of_mine.0 != Scope::mesh().as_str() {
                    let values = |node: usize| {
                        let view = world.nodes[node].machine.view().clone();
                        // What was shown here until a schema took it back stays known as gone, for who watches.
                        let ever = view.under(&prefix, None).filter(|(_, entry)| !entry.heads.is_empty());
                        let list = ever.map(|(path, entry)| (path.clone(), entry.effective.clone()));
                        list.collect::<Vec<_>>()
                    };
                    assert_eq!(values(node), values(other), "values of {node} and {other} differ");
                }
            }
        }
    }
}
