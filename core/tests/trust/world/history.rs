//! Histories from plain data, which proptest makes and shrinks: honest and hostile authors, branches, wrong grants, late and
//! missing approvals, unknown kinds, invalid names. Every act can only name what was made before it, or nothing there is.

use std::sync::Arc;

use driftless_statement::codec::Item;
use driftless_statement::{
    Approve, Body, Edit, Hlc, Op, Path, Scope, Statement, StatementId, Touch, Value, Verb, Verified, Write,
};
use proptest::prelude::*;

use super::{Maker, approve_body, grant_body, key, seal, sorted, unknown_body};

const PREFIXES: [&str; 8] = ["", "shop", "shop/a", "shop/a/b", "hall", "shopping", "@mesh", "@mesh/schemas"];
const PATHS: [&str; 8] =
    ["shop/a", "shop/a/b", "shop/ab", "hall/a", "shopping/a", "@mesh/schemas/x", "@mesh/plan", "hall/a/b/c"];
const SCOPES: [&str; 4] = ["shop", "hall", "shopping", "@mesh"];

/// One act, as numbers that mean something only beside the acts before it.
#[derive(Debug, Clone)]
pub struct Act {
    kind: u8,
    /// Relies on this one of the grants made before; the author is its grantee unless `stray`.
    on: u16,
    author: u8,
    stray: u8,
    to: u8,
    verbs: u8,
    place: u8,
    scopes: u8,
    target: u16,
    prev: Vec<u16>,
    bases: Vec<u16>,
    odd: u8,
}

pub fn acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let numbers = (any::<u8>(), any::<u16>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    let more = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u8>());
    let names = (prop::collection::vec(any::<u16>(), 0..3), prop::collection::vec(any::<u16>(), 0..3));
    let act = (numbers, more, names).prop_map(
        |((kind, on, author, stray, to, verbs), (place, scopes, target, odd), (prev, bases))| Act {
            kind,
            on,
            author,
            stray,
            to,
            verbs,
            place,
            scopes,
            target,
            prev,
            bases,
            odd,
        },
    );
    prop::collection::vec(act, 1..len)
}

/// A history as it is made, statement by statement; genesis is not in `made`.
pub struct History {
    pub maker: Maker,
    pub made: Vec<Arc<Verified>>,
}

impl History {
    /// A history of one of three founding shapes. The first acts are always two that give somebody something, so that few
    /// histories are barren.
    pub fn of(threshold: u64, acts: &[Act]) -> Self {
        let mut history = Self { maker: Maker::new(threshold), made: Vec::new() };
        let all = Verb::ALL;
        let first = history.maker.root_grant(0, 3, &all, "");
        history.made.push(first.clone());
        let second = history.maker.root_grant(0, 4, &[Verb::Write, Verb::Delegate, Verb::Approve], "shop");
        history.made.push(second);
        if threshold > 1 && acts.first().is_some_and(|act| !act.odd.is_multiple_of(4)) {
            history.made.push(history.maker.approve(1, first.id()));
        }
        for act in acts {
            let statement = history.interpret(act);
            history.made.push(seal(&statement));
        }
        history
    }

    fn pick(&self, number: u16) -> Option<&Arc<Verified>> {
        self.made.get(usize::from(number) % self.made.len().max(1))
    }

    /// What to rely on: mostly one of the grants, now and then the epoch, any statement, or an id that nothing has.
    fn relied_on(&self, act: &Act) -> (StatementId, usize) {
        let grants: Vec<&Arc<Verified>> =
            self.made.iter().filter(|s| matches!(s.statement().body, Body::Grant(_))).collect();
        let stranger = usize::from(act.author) % 10;
        match act.stray % 16 {
            0 => (StatementId([act.author | 1; 32]), stranger),
            1 => (self.pick(act.on).map_or(self.maker.genesis.id(), |s| s.id()), stranger),
            2..=5 => (self.maker.genesis.id(), usize::from(act.author) % 4),
            number => {
                // Half of the time one of the latest, so that chains grow long.
                let newest = if act.on.is_multiple_of(2) { grants.len().saturating_sub(3) } else { 0 };
                let grant = grants[newest + usize::from(act.on / 2) % (grants.len() - newest)];
                let Body::Grant(given) = &grant.statement().body else { panic!("filtered") };
                let grantee = (0..10).find(|index| key(*index) == given.key).unwrap_or(stranger);
                (grant.id(), if number == 6 { stranger } else { grantee })
            }
        }
    }

    fn interpret(&mut self, act: &Act) -> Statement {
        let (on, author) = self.relied_on(act);
        let path = PATHS[usize::from(act.place) % PATHS.len()];
        let target = self.pick(act.target).map_or(on, |s| s.id());
        let by_root = on == self.maker.genesis.id();
        let (scope, body) = match act.kind % 10 {
            0..=3 => ("@mesh", self.grant_of(act, on)),
            4 => ("@mesh", approve_body(target)),
            5 if by_root => ("@mesh", approve_body(target)),
            6 if act.odd.is_multiple_of(2) => {
                let scope = Scope::parse(SCOPES[usize::from(act.place) % 4]).unwrap();
                ("@mesh", Body::from(Approve { scope, id: target }))
            }
            7 => (if by_root { "@mesh" } else { path.split('/').next().unwrap() }, unknown_body()),
            _ => (path.split('/').next().unwrap(), write_of(act)),
        };
        let mut statement = self.maker.blank(author, on, scope, body);
        if matches!(statement.body, Body::Write(_)) || (act.kind % 10 == 7 && act.odd.is_multiple_of(3) && !by_root) {
            let path = Path::parse(path).unwrap();
            statement.touches = vec![Touch { path, bases: self.bases_of(act, &statement) }];
        }
        statement.prev = self.prev_of(act, &statement);
        match act.odd {
            0..=12 => statement.unknown = vec![(77, Item::Bool(true))],
            13..=20 => statement.hlc = Hlc(statement.hlc.0.saturating_sub(u64::from(act.target) << 16)),
            _ => {}
        }
        statement
    }

    fn grant_of(&self, act: &Act, on: StatementId) -> Body {
        let parent = self.made.iter().find(|s| s.id() == on).map(|s| &s.statement().body);
        // Most grants narrow what their issuer holds, or chains would end after two steps.
        if let (Some(Body::Grant(parent)), true) = (parent, !act.verbs.is_multiple_of(4)) {
            let mut narrower = parent.clone();
            narrower.key = key(usize::from(act.to) % 10);
            if act.verbs % 8 == 1 && parent.prefix.as_str() == "shop" {
                narrower.prefix = "shop/a".parse().unwrap();
            }
            return Body::Grant(narrower);
        }
        let verbs: Vec<Verb> =
            Verb::ALL.into_iter().enumerate().filter(|(bit, _)| act.verbs >> bit & 1 == 1).map(|(_, v)| v).collect();
        let verbs = if verbs.is_empty() { vec![Verb::Delegate, Verb::Write] } else { verbs };
        let mut scopes: Vec<&str> = SCOPES
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| act.scopes >> bit & 1 == 1)
            .map(|(_, scope)| scope)
            .collect();
        scopes.sort_unstable();
        let prefix = PREFIXES[usize::from(act.place) % PREFIXES.len()];
        grant_body(usize::from(act.to) % 10, &verbs, prefix, if act.scopes > 64 { &[] } else { &scopes })
    }

    fn prev_of(&self, act: &Act, statement: &Statement) -> Vec<StatementId> {
        let own = |s: &&Arc<Verified>| {
            act.odd == 21 || (s.statement().author == statement.author && s.statement().scope == statement.scope)
        };
        sorted(&act.prev.iter().filter_map(|number| self.pick(*number)).filter(own).map(|s| s.id()).collect::<Vec<_>>())
    }

    fn bases_of(&self, act: &Act, statement: &Statement) -> Vec<StatementId> {
        let there = |s: &&Arc<Verified>| act.odd == 22 || s.statement().scope == statement.scope;
        let picked = act.bases.iter().filter_map(|number| self.pick(*number)).filter(there);
        // Now and then the latest of the scope: what is admissible should often name what is not, whoever said that.
        let latest = self.made.iter().rev().find(there).filter(|_| act.odd > 64);
        sorted(&picked.chain(latest).map(|s| s.id()).collect::<Vec<_>>())
    }
}

fn write_of(act: &Act) -> Body {
    Body::Write(Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(Value::Int(act.target.into())) }]] })
}
