//! The terms of grants, rule by rule: approvals demanded, not-after, labels. Each named case is a line of `docs/trust.md`.

use std::sync::Arc;

use driftless_core::trust::{Accepted, Refusal, Trust};
use driftless_statement::{
    Approve, Body, Demand, Demands, Edit, Frontier, Grant, Labels, Op, Prefix, Revoke, Scope, StatementId, Step, Terms,
    Touch, Value, Verb, Verified, Write,
};

use crate::world::{Maker, approve_body, evaluate, grant_body, key, seal};

/// Root key 0 alone founds. Keys 5 and 6 may approve everything, key 7 what lies under `shop/a`.
struct World {
    maker: Maker,
    set: Vec<Arc<Verified>>,
    approves: [StatementId; 3],
}

impl World {
    fn new() -> Self {
        let mut maker = Maker::new(1);
        let give =
            [(5, ""), (6, ""), (7, "shop/a")].map(|(to, prefix)| maker.root_grant(0, to, &[Verb::Approve], prefix));
        Self { maker, approves: give.each_ref().map(|grant| grant.id()), set: give.to_vec() }
    }

    fn trust(&self) -> Trust {
        evaluate(&self.maker.genesis, &self.set)
    }

    fn say(&mut self, author: usize, on: StatementId, body: Body) -> StatementId {
        let said = seal(&self.maker.blank(author, on, "@mesh", body));
        self.set.push(said.clone());
        said.id()
    }

    /// Gives key 3 (by the roots) or another one what `terms` say.
    fn give(&mut self, author: usize, on: Option<StatementId>, to: usize, terms: Terms) -> StatementId {
        let on = on.unwrap_or(self.maker.genesis.id());
        let Body::Grant(grant) = grant_body(to, &[Verb::Write, Verb::Operate, Verb::Delegate], "", &[]) else {
            panic!("a grant")
        };
        self.say(author, on, Body::from(Grant { terms, ..*grant }))
    }

    fn approve(&mut self, author: usize, scope: &str, id: StatementId) {
        let on = self.approves[author - 5];
        self.say(author, on, Body::from(Approve { scope: Scope::parse(scope).unwrap(), id }));
    }

    fn judge(&self, write: &Verified) -> Result<(), Refusal> {
        self.trust().authorised(write, &Accepted::default())
    }
}

fn demands(approvals: u64, of: &[usize], deletes: bool) -> Terms {
    let demand = Some(Demand { approvals, of: of.iter().map(|one| key(*one)).collect() });
    let demands = match deletes {
        true => Demands { writes: None, deletes: demand },
        false => Demands { writes: demand, deletes: None },
    };
    Terms { demands, ..Terms::default() }
}

fn lacks<T>(grant: StatementId, have: u64, need: u64) -> Result<T, Refusal> {
    Err(Refusal::Unapproved { grant, have, need })
}

#[test]
fn a_write_counts_when_enough_of_the_listed_keys_have_approved_it() {
    let mut world = World::new();
    let grant = world.give(0, None, 3, demands(2, &[5, 6, 7], false));
    let write = world.maker.write(3, grant, &["shop/a", "shop/a/b"]);
    assert_eq!(world.trust().admissible(&write, &Accepted::default()), Ok(()), "it is held and forwarded meanwhile");
    assert_eq!(world.judge(&write), lacks(grant, 0, 2));
    world.approve(5, "shop", write.id());
    world.approve(5, "shop", write.id());
    assert_eq!(world.judge(&write), lacks(grant, 1, 2), "a key counts once");
    world.approve(7, "shop", write.id());
    assert_eq!(world.judge(&write), Ok(()));
    let [wanted] = &world.trust().wanted(&write)[..] else { panic!("one demand") };
    assert_eq!((wanted.demanded_by, wanted.need, wanted.of.len()), (grant, 2, 3));
    assert!(wanted.by.iter().eq([key(5), key(7)].iter().collect::<std::collections::BTreeSet<_>>()));
    assert_eq!(world.judge(&world.maker.genesis), Ok(()));
    let other = world.maker.write(3, grant, &["shop/a"]);
    assert_eq!(world.judge(&other), lacks(grant, 0, 2), "an approval is for one statement");
}

#[test]
fn an_approval_must_be_one_that_counts_there() {
    let mut world = World::new();
    let grant = world.give(0, None, 3, demands(1, &[3, 5, 7, 0], false));
    let write = world.maker.write(3, grant, &["shop/a", "shop/b"]);
    // By somebody who is not on the list.
    world.approve(6, "shop", write.id());
    // Beyond what the approver's grant covers.
    world.approve(7, "shop", write.id());
    // With another scope: a revocation in `shop` would not find it.
    world.approve(5, "other", write.id());
    // By a root key as such: root keys approve root acts.
    let epoch = world.maker.genesis.id();
    world.say(0, epoch, Body::from(Approve { scope: Scope::parse("shop").unwrap(), id: write.id() }));
    world.say(0, epoch, approve_body(write.id()));
    assert_eq!(world.judge(&write), lacks(grant, 0, 1));
    // By its own author.
    let own = world.maker.root_grant(0, 3, &[Verb::Approve], "");
    world.set.push(own.clone());
    world.say(3, own.id(), Body::from(Approve { scope: Scope::parse("shop").unwrap(), id: write.id() }));
    assert_eq!(world.judge(&write), lacks(grant, 0, 1));
    world.approve(5, "shop", write.id());
    assert_eq!(world.judge(&write), Ok(()));
}

#[test]
fn demands_are_inherited_and_each_must_be_met() {
    let mut world = World::new();
    let top = world.give(0, None, 3, demands(1, &[5], false));
    let below = world.give(3, Some(top), 4, demands(1, &[5, 6], false));
    let plain = world.give(4, Some(below), 8, Terms::default());
    let write = world.maker.write(8, plain, &["shop/a"]);
    assert_eq!(world.judge(&write), lacks(top, 0, 1));
    world.approve(6, "shop", write.id());
    assert_eq!(world.judge(&write), lacks(top, 0, 1), "the list of the lower one says nothing about the upper");
    world.approve(5, "shop", write.id());
    assert_eq!(world.judge(&write), Ok(()), "one key may count for several demands");
}

#[test]
fn a_demand_for_deletes_looks_at_every_edit() {
    let mut world = World::new();
    let grant = world.give(0, None, 3, demands(1, &[5], true));
    let put = world.maker.write(3, grant, &["shop/a"]);
    assert_eq!(world.judge(&put), Ok(()));
    let edits = vec![
        vec![Edit { at: vec![], op: Op::Put(Value::Int(1)) }],
        vec![Edit { at: vec![Step::Key("x".into())], op: Op::Delete }],
    ];
    let mut deletes = world.maker.blank(3, grant, "shop", Body::Write(Write { edits }));
    let touch = |path: &str| Touch { path: path.parse().unwrap(), bases: vec![] };
    deletes.touches = vec![touch("shop/a"), touch("shop/b")];
    let deletes = seal(&deletes);
    assert_eq!(world.judge(&deletes), lacks(grant, 0, 1));
    world.approve(5, "shop", deletes.id());
    assert_eq!(world.judge(&deletes), Ok(()));
}

#[test]
fn when_an_approver_is_revoked_its_approvals_go_unless_accepted() {
    for accepted in [false, true] {
        let mut world = World::new();
        let grant = world.give(0, None, 3, demands(1, &[5], false));
        let write = world.maker.write(3, grant, &["shop/a"]);
        world.approve(5, "shop", write.id());
        let approval = world.set.last().unwrap().id();
        assert_eq!(world.judge(&write), Ok(()));
        let before = world.trust();
        let mut frontier = Frontier::nothing();
        if accepted {
            frontier.insert(Scope::mesh(), approval);
        }
        let epoch = world.maker.genesis.id();
        let prefix: Prefix = "shop/a".parse().unwrap();
        world.say(0, epoch, Body::from(Revoke { key: key(5), prefix, frontier }));
        assert_eq!(world.judge(&write), if accepted { Ok(()) } else { lacks(grant, 0, 1) });
        let changed = world.trust().approved_otherwise(&before);
        assert_eq!(changed.contains(&write.id()), !accepted, "what must be judged again is told");
    }
}

#[test]
fn operators_writes_may_need_approvals_and_grants_never_do() {
    let mut world = World::new();
    let grant = world.give(0, None, 3, demands(1, &[5], false));
    let write = world.maker.write(3, grant, &["@mesh/schemas/a"]);
    assert_eq!(world.judge(&write), lacks(grant, 0, 1));
    world.approve(5, "@mesh", write.id());
    assert_eq!(world.judge(&write), Ok(()));
    let below = world.give(3, Some(grant), 4, Terms::default());
    let said = world.set.iter().find(|said| said.id() == below).unwrap();
    assert_eq!(world.judge(said), Ok(()));
}

#[test]
fn nothing_is_said_after_the_earliest_limit_of_the_chain() {
    let mut world = World::new();
    let until = |ms| Terms { not_after_ms: Some(ms), ..Terms::default() };
    let top = world.give(0, None, 3, until(1_000));
    let longer = world.give(3, Some(top), 4, until(9_000));
    let mut write = |at: u64, author, on| {
        let made = world.maker.write(author, on, &["shop/a"]);
        let mut said = made.statement().clone();
        said.hlc = driftless_statement::Hlc::from_millis(at);
        seal(&said)
    };
    let (last, late) = (write(1_000, 4, longer), write(1_001, 4, longer));
    assert_eq!(world.judge(&last), Ok(()));
    assert_eq!(world.judge(&late), Err(Refusal::Expired { grant: longer, not_after_ms: 1_000 }));
    let trust = world.trust();
    assert_eq!(trust.grant_for(&key(3), Verb::Write, &Prefix::all(), 1_000), Some(top));
    assert_eq!(trust.grant_for(&key(3), Verb::Write, &Prefix::all(), 1_001), None);
}

#[test]
fn a_grant_that_demands_nothing_is_relied_on_first() {
    let mut world = World::new();
    let demanding = world.give(0, None, 3, demands(1, &[5], false));
    let via = world.give(0, None, 4, Terms::default());
    let free = world.give(4, Some(via), 3, Terms::default());
    let trust = world.trust();
    assert_eq!(trust.grant_for(&key(3), Verb::Write, &Prefix::all(), 0), Some(free), "though its rank is greater");
    assert_eq!(trust.grant_for(&key(3), Verb::Delegate, &Prefix::all(), 0), Some(demanding));
}

#[test]
fn labels_are_those_of_the_least_rank_and_then_of_the_latest() {
    let mut world = World::new();
    let labelled = |pairs: &[(&str, &str)]| Terms {
        labels: pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect::<Labels>(),
        ..Terms::default()
    };
    let mut member = |author, on: StatementId, terms| {
        let Body::Grant(grant) = grant_body(4, &[Verb::Member, Verb::Delegate], "", &[]) else { panic!("a grant") };
        world.say(author, on, Body::from(Grant { terms, ..*grant }))
    };
    let epoch = Maker::new(1).genesis.id();
    let first = member(0, epoch, labelled(&[("zone", "a"), ("region", "eu")]));
    member(0, epoch, labelled(&[("zone", "b")]));
    member(4, first, labelled(&[("zone", "c"), ("role", "edge")]));
    let trust = world.trust();
    let labels = &trust.member(&key(4)).unwrap().labels;
    let told: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(told, [("region", "eu"), ("role", "edge"), ("zone", "b")]);
}
