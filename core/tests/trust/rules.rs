//! The rules of trust one by one: each named case is a line of `docs/trust.md`, with exactly its refusal.

use std::sync::Arc;

use driftless_core::trust::{Accepted, Held, Reach, Refusal, Signatures, Trust};
use driftless_statement::codec::Item;
use driftless_statement::{Approve, Body, Genesis, MeshId, Prefix, Scope, StatementId, Verb, Verified, limits};

use crate::world::{Maker, approve_body, evaluate, grant_body, key, seal, unknown_body};

use Verb::{Delegate, Member, Operate, Write};

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// Root key 0 alone founds; key 3 holds what the case gives it.
struct World {
    maker: Maker,
    set: Vec<Arc<Verified>>,
    grant: StatementId,
}

impl World {
    fn giving(verbs: &[Verb], prefix: &str) -> Self {
        Self::giving_scopes(verbs, prefix, &[])
    }

    fn giving_scopes(verbs: &[Verb], prefix: &str, scopes: &[&str]) -> Self {
        let mut maker = Maker::new(1);
        let epoch = maker.genesis.id();
        let grant = maker.grant(0, epoch, 3, verbs, prefix, scopes);
        Self { maker, grant: grant.id(), set: vec![grant] }
    }

    fn trust(&self) -> Trust {
        evaluate(&self.maker.genesis, &self.set)
    }

    /// Key 3 issues a grant on what it holds.
    fn issue(&mut self, verbs: &[Verb], prefix: &str, scopes: &[&str]) -> Result<(), Refusal> {
        let grant = self.maker.grant(3, self.grant, 4, verbs, prefix, scopes);
        self.trust().authorised(&grant, &Accepted::default())
    }

    fn write(&mut self, paths: &[&str]) -> Result<(), Refusal> {
        let write = self.maker.write(3, self.grant, paths);
        self.trust().authorised(&write, &Accepted::default())
    }

    fn wider(&self, reach: Reach) -> Result<(), Refusal> {
        Err(Refusal::Wider { grant: self.grant, reach })
    }
}

#[test]
fn a_write_needs_its_verb_and_every_path_covered() {
    let mut world = World::giving(&[Write], "shop/a");
    assert_eq!(world.write(&["shop/a", "shop/a/b"]), Ok(()));
    let outside = |path: &str| Err(Refusal::Outside { path: path.parse().unwrap(), prefix: prefix("shop/a") });
    assert_eq!(world.write(&["shop/a", "shop/ab"]), outside("shop/ab"));
    assert_eq!(world.write(&["hall/a"]), outside("hall/a"));
    let mut world = World::giving(&[Delegate, Member, Operate], "");
    assert_eq!(world.write(&["shop/a"]), Err(Refusal::Verb { grant: world.grant, verb: Write }));
}

#[test]
fn a_write_in_mesh_needs_operate() {
    let mut world = World::giving(&[Write, Delegate], "");
    assert_eq!(world.write(&["@mesh/schemas/x"]), Err(Refusal::Verb { grant: world.grant, verb: Operate }));
    let mut world = World::giving(&[Operate], "@mesh/schemas");
    assert_eq!(world.write(&["@mesh/schemas/x"]), Ok(()));
    assert!(matches!(world.write(&["@mesh/plans/x"]), Err(Refusal::Outside { .. })));
}

#[test]
fn a_grant_is_its_grantees_alone() {
    let mut world = World::giving(&[Write], "shop");
    let write = world.maker.write(4, world.grant, &["shop/a"]);
    assert_eq!(
        world.trust().admissible(&write, &Accepted::default()),
        Err(Refusal::NotGrantee { grant: world.grant, grantee: key(3) })
    );
    // Not even the key that issued it, nor a root key.
    let write = world.maker.write(0, world.grant, &["shop/a"]);
    assert!(matches!(world.trust().admissible(&write, &Accepted::default()), Err(Refusal::NotGrantee { .. })));
}

#[test]
fn a_delegated_grant_only_narrows() {
    let mut world = World::giving(&[Write, Delegate], "shop");
    assert_eq!(world.issue(&[Write, Delegate], "shop", &[]), Ok(()));
    assert_eq!(world.issue(&[Write], "shop/a", &[]), Ok(()));
    assert_eq!(world.issue(&[Write, Operate], "shop", &[]), world.wider(Reach::Verbs));
    assert_eq!(world.issue(&[Write], "", &[]), world.wider(Reach::Prefix));
    assert_eq!(world.issue(&[Write], "shopping", &[]), world.wider(Reach::Prefix));
    assert_eq!(world.issue(&[Write], "hall", &[]), world.wider(Reach::Prefix));
    let mut world = World::giving(&[Write], "shop");
    assert_eq!(world.issue(&[Write], "shop", &[]), Err(Refusal::Verb { grant: world.grant, verb: Delegate }));
}

#[test]
fn member_scopes_only_narrow() {
    let mut all = World::giving(&[Member, Delegate], "");
    assert_eq!(all.issue(&[Member], "", &[]), Ok(()));
    assert_eq!(all.issue(&[Member], "shop", &[]), Ok(()));
    assert_eq!(all.issue(&[Member], "", &["hall", "shop"]), Ok(()));
    let mut two = World::giving_scopes(&[Member, Delegate], "", &["hall", "shop"]);
    assert_eq!(two.issue(&[Member], "", &["shop"]), Ok(()));
    assert_eq!(two.issue(&[Member], "shop", &[]), Ok(()));
    assert_eq!(two.issue(&[Member], "", &[]), two.wider(Reach::Scopes), "an empty list is every scope");
    assert_eq!(two.issue(&[Member], "other", &[]), two.wider(Reach::Scopes));
    assert_eq!(two.issue(&[Member], "", &["other", "shop"]), two.wider(Reach::Scopes));
    assert_eq!(two.issue(&[Delegate], "", &["other"]), Ok(()), "without `member` the list means nothing");
    // What is named outside the grant's own prefix is not given.
    assert_eq!(two.issue(&[Member], "shop", &["other"]), Ok(()));
}

#[test]
fn members_hold_what_their_grants_together_give() {
    let mut world = World::giving_scopes(&[Member], "", &["hall"]);
    let second = world.maker.root_grant(0, 3, &[Member], "shop");
    let third = world.maker.root_grant(0, 4, &[Member], "");
    let deep = world.maker.root_grant(0, 5, &[Member], "shop/a");
    let writer = world.maker.root_grant(0, 6, &[Write], "");
    world.set.extend([second, third, deep, writer]);
    let trust = world.trust();
    let may = |member: usize, text: &str| trust.member(&key(member)).unwrap().may_hold(&scope(text));
    assert!(may(3, "hall") && may(3, "shop") && !may(3, "other") && may(3, "@mesh"));
    assert!(may(4, "other") && may(4, "@mesh"));
    assert!(!may(5, "shop") && may(5, "@mesh"), "no whole scope lies under a longer prefix");
    assert_eq!(trust.member(&key(4)).unwrap().scopes, Held::All);
    assert!(trust.member(&key(6)).is_none() && trust.member(&key(0)).is_none());
    assert_eq!(trust.members().count(), 3);
}

/// A 2-of-3 mesh and a grant to key 3 by root key 0.
fn two_of_three() -> (Maker, Arc<Verified>) {
    let mut maker = Maker::new(2);
    let act = maker.root_grant(0, 3, &[Write, Delegate], "shop");
    (maker, act)
}

#[test]
fn a_root_act_counts_when_enough_root_keys_have_signed() {
    let (mut maker, act) = two_of_three();
    let write = maker.write(3, act.id(), &["shop/a"]);
    let genesis = maker.genesis.clone();
    let alone = evaluate(&genesis, [&act]);
    assert_eq!(alone.admissible(&act, &Accepted::default()), Ok(()));
    assert_eq!(alone.authorised(&act, &Accepted::default()), Err(Refusal::Pending { have: 1, need: 2 }));
    assert_eq!(
        alone.admissible(&write, &Accepted::default()),
        Err(Refusal::GrantPending { grant: act.id(), have: 1, need: 2 })
    );
    assert_eq!(alone.grant(&act.id()).unwrap().signatures, Some(Signatures { have: 1, need: 2 }));
    assert!(!alone.is_author(&key(3)) && alone.is_author(&key(1)));
    assert_eq!(alone.grant_for(&key(3), Write, &prefix("shop"), 0), None);
    let second = maker.approve(1, act.id());
    let both = evaluate(&genesis, [&act, &second]);
    assert_eq!(
        (both.authorised(&act, &Accepted::default()), both.authorised(&write, &Accepted::default())),
        (Ok(()), Ok(()))
    );
    assert!(both.is_author(&key(3)));
    // An approval may be held before what it approves.
    assert_eq!(evaluate(&genesis, [&second]).authorised(&act, &Accepted::default()), Ok(()));
}

#[test]
fn only_other_root_keys_add_a_signature() {
    let (mut maker, act) = two_of_three();
    let genesis = maker.genesis.clone();
    let mut wrong_scope = maker.blank(1, genesis.id(), "@mesh", approve_body(act.id()));
    wrong_scope.body = Body::from(Approve { scope: scope("shop"), id: act.id() });
    let mut unknown = maker.blank(1, genesis.id(), "@mesh", approve_body(act.id()));
    unknown.unknown = vec![(99, Item::Null)];
    let not_by_epoch = maker.blank(1, act.id(), "@mesh", approve_body(act.id()));
    let idle = [
        maker.approve(0, act.id()),
        maker.approve(0, act.id()),
        maker.approve(3, act.id()),
        maker.approve(1, genesis.id()),
        seal(&wrong_scope),
        seal(&unknown),
        seal(&not_by_epoch),
    ];
    for (number, approval) in idle.iter().enumerate() {
        let trust = evaluate(&genesis, [&act, approval]);
        assert_eq!(
            trust.authorised(&act, &Accepted::default()),
            Err(Refusal::Pending { have: 1, need: 2 }),
            "approval {number}"
        );
    }
    let mut foreign = maker.blank(1, genesis.id(), "@mesh", approve_body(act.id()));
    foreign.mesh = MeshId([9; 32]);
    let trust = evaluate(&genesis, [&act, &seal(&foreign)]);
    assert_eq!(
        trust.authorised(&act, &Accepted::default()),
        Err(Refusal::Pending { have: 1, need: 2 }),
        "of another mesh"
    );
    assert_eq!(trust.epoch().unwrap().signatures(&act.id(), &key(3)), Signatures { have: 0, need: 2 });
    let twice = [maker.approve(1, act.id()), maker.approve(1, act.id())];
    assert_eq!(
        evaluate(&genesis, &twice).epoch().unwrap().signatures(&act.id(), &key(0)),
        Signatures { have: 2, need: 2 }
    );
}

#[test]
fn the_epoch_is_for_root_keys_and_root_acts() {
    let mut maker = Maker::new(1);
    let epoch = maker.genesis.id();
    let trust = evaluate(&maker.genesis, []);
    let climber = maker.root_grant(3, 3, &[Write], "");
    assert_eq!(trust.admissible(&climber, &Accepted::default()), Err(Refusal::NotRoot { epoch }));
    assert_eq!(trust.admissible(&maker.approve(3, epoch), &Accepted::default()), Err(Refusal::NotRoot { epoch }));
    for path in ["shop/a", "@mesh/schemas/x"] {
        let write = maker.write(0, epoch, &[path]);
        assert!(matches!(
            trust.admissible(&write, &Accepted::default()),
            Err(Refusal::NotRootAct { kind: "write", .. })
        ));
    }
    let unknown = seal(&maker.blank(0, epoch, "@mesh", unknown_body()));
    assert_eq!(
        (trust.admissible(&unknown, &Accepted::default()), trust.authorised(&unknown, &Accepted::default())),
        (Ok(()), Err(Refusal::Unknown))
    );
    let elsewhere = seal(&maker.blank(0, epoch, "shop", unknown_body()));
    assert!(matches!(
        trust.admissible(&elsewhere, &Accepted::default()),
        Err(Refusal::NotRootAct { kind: "unknown", .. })
    ));
    assert_eq!(trust.authorised(&maker.genesis, &Accepted::default()), Ok(()));
    assert_eq!(trust.chain(&epoch), [epoch]);
}

#[test]
fn a_chain_has_at_most_sixteen_grants() {
    let mut maker = Maker::new(1);
    let mut on = maker.genesis.id();
    let mut set: Vec<Arc<Verified>> = Vec::new();
    for rank in 1..=limits::GRANT_CHAIN + 2 {
        let grant = maker.grant(if rank == 1 { 0 } else { 3 }, on, 3, &[Write, Delegate], "shop", &[]);
        on = grant.id();
        set.push(grant);
    }
    set.reverse();
    let trust = evaluate(&maker.genesis, &set);
    assert_eq!(trust.grants().count(), limits::GRANT_CHAIN);
    assert_eq!(trust.authorised(&set[1], &Accepted::default()), Err(Refusal::Chain { max: limits::GRANT_CHAIN }));
    assert_eq!(trust.authorised(&set[0], &Accepted::default()), Err(Refusal::NoSuchGrant { grant: set[1].id() }));
    let last = trust.grant(&set[2].id()).unwrap();
    assert_eq!((last.rank, trust.chain(&last.id).len()), (16, 17));
    assert_eq!(trust.authorised(&maker.write(3, last.id, &["shop/a"]), &Accepted::default()), Ok(()));
    // The grant to rely on is the one of least rank.
    assert_eq!(trust.grant_for(&key(3), Write, &prefix("shop/a"), 0), Some(set.last().unwrap().id()));
}

#[test]
fn the_grant_to_rely_on_gives_the_verb_on_the_whole_prefix() {
    let mut world = World::giving(&[Write], "shop/a");
    let wide = world.maker.root_grant(0, 3, &[Delegate, Write], "shop");
    let narrower = world.maker.grant(3, wide.id(), 3, &[Write], "shop", &[]);
    world.set.extend([wide.clone(), narrower]);
    let trust = world.trust();
    assert_eq!(trust.grant_for(&key(3), Write, &prefix("shop/b"), 0), Some(wide.id()));
    assert_eq!(trust.grant_for(&key(3), Write, &prefix("shop/a"), 0), Some(world.grant.min(wide.id())));
    assert_eq!(trust.grant_for(&key(3), Write, &prefix(""), 0), None);
    assert_eq!(trust.grant_for(&key(3), Operate, &prefix("shop"), 0), None);
    assert_eq!(trust.grants_of(&key(3)).count(), 3);
}

#[test]
fn what_is_unknown_is_let_in_and_never_counts() {
    let mut world = World::giving(&[Member], "shop/a");
    let trust = world.trust();
    let verdict = |said| {
        let sealed = seal(&said);
        (
            trust.admissible(&sealed, &Accepted::default()).map_err(|refusal| refusal.word()),
            trust.authorised(&sealed, &Accepted::default()).map_err(|r| r.word()),
        )
    };
    let void = (Ok(()), Err("unknown"));
    let grant = world.grant;
    assert_eq!(verdict(world.maker.blank(3, grant, "@mesh", unknown_body())), void);
    assert_eq!(verdict(world.maker.blank(3, grant, "shop", unknown_body())), void);
    let refused = (Err("outside_scope"), Err("outside_scope"));
    assert_eq!(verdict(world.maker.blank(3, grant, "hall", unknown_body())), refused);
    let mut touching = world.maker.write(3, grant, &["shop/ab"]).statement().clone();
    touching.body = unknown_body();
    assert_eq!(verdict(touching.clone()), (Err("outside"), Err("outside")));
    touching.touches[0].path = "shop/a/x".parse().unwrap();
    assert_eq!(verdict(touching), void);
    // A known body with an unknown field beside it obeys the rules of its kind, and is void all the same.
    let mut field = world.maker.write(3, grant, &["shop/a"]).statement().clone();
    field.unknown = vec![(99, Item::Null)];
    assert_eq!(verdict(field), (Err("verb"), Err("verb")));
}

#[test]
fn nothing_relies_on_an_unknown_grant() {
    let mut world = World::giving(&[Write, Delegate], "shop");
    let mut said = world.maker.blank(3, world.grant, "@mesh", grant_body(4, &[Write], "shop", &[]));
    said.unknown = vec![(99, Item::Null)];
    let grant = seal(&said);
    world.set.push(grant.clone());
    let trust = world.trust();
    assert_eq!(
        (trust.admissible(&grant, &Accepted::default()), trust.authorised(&grant, &Accepted::default())),
        (Ok(()), Err(Refusal::Unknown))
    );
    let write = world.maker.write(4, grant.id(), &["shop/a"]);
    assert_eq!(trust.admissible(&write, &Accepted::default()), Err(Refusal::NoSuchGrant { grant: grant.id() }));
}

#[test]
fn an_approval_by_grant_needs_the_verb_where_it_approves() {
    let mut world = World::giving(&[Verb::Approve], "shop/a");
    let trust = world.trust();
    let mut approve = |text: &str| {
        let body = Body::from(Approve { scope: scope(text), id: StatementId([1; 32]) });
        trust.authorised(&seal(&world.maker.blank(3, world.grant, "@mesh", body)), &Accepted::default())
    };
    assert_eq!(approve("shop"), Ok(()));
    assert!(matches!(approve("hall"), Err(Refusal::OutsideScope { .. })));
    let mut world = World::giving(&[Write], "shop");
    let approve = seal(&world.maker.blank(3, world.grant, "@mesh", approve_body(StatementId([1; 32]))));
    assert_eq!(
        world.trust().admissible(&approve, &Accepted::default()),
        Err(Refusal::Verb { grant: world.grant, verb: Verb::Approve })
    );
}

#[test]
fn a_newer_fold_version_stops_counting_and_not_letting_in() {
    let maker = Maker::new(1);
    let mut said = maker.genesis.statement().clone();
    let Body::Genesis(genesis) = &maker.genesis.statement().body else { panic!("no genesis") };
    said.body = Body::from(Genesis { fold_version: limits::FOLD_VERSION + 1, ..(**genesis).clone() });
    let genesis = seal(&said);
    let mut act = Maker::new(1).root_grant(0, 3, &[Write], "").statement().clone();
    act.mesh = genesis.id().into();
    act.grant = genesis.id();
    let act = seal(&act);
    let trust = evaluate(&genesis, [&act]);
    assert!(trust.too_new() && trust.fold_version() == 2);
    assert_eq!(trust.admissible(&act, &Accepted::default()), Ok(()));
    assert_eq!(trust.authorised(&act, &Accepted::default()), Err(Refusal::FoldVersion { mesh: 2, node: 1 }));
    assert!(!evaluate(&maker.genesis, []).too_new());
}

#[test]
fn a_mesh_without_a_genesis_trusts_nobody() {
    let mut world = World::giving(&[Write], "");
    let act = world.set[0].clone();
    let trust = evaluate(&act, [&act]);
    let next = world.maker.root_grant(0, 3, &[Write], "");
    assert!(
        trust.admissible(&next, &Accepted::default()).is_err()
            && trust.grants().count() == 0
            && !trust.is_author(&key(0))
    );
}

#[test]
fn refusals_have_a_word_and_a_sentence() {
    let refusal = Refusal::Outside { path: "shop/a".parse().unwrap(), prefix: prefix("hall") };
    assert_eq!(refusal.to_string(), "shop/a is not under the grant's prefix `hall`");
    let json = serde_json::to_value(&refusal).unwrap();
    assert_eq!(json["refusal"], refusal.word());
}
