//! Trust as a tree from the genesis down: who gave what to whom, what is pending, struck or void, and by which act. It must
//! not know how it is printed.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_statement::{Body, MeshId, PublicKey, Scope, StatementId, Verified};
use driftless_trust::{Accepted, Epoch, Standing, Trust};
use serde::Serialize;

use crate::clock::rfc3339_millis;
use crate::readable::terms;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// The mesh.
    pub mesh: MeshId,
    /// Its name.
    pub name: String,
    /// The statement that root acts name as their grant.
    pub epoch: StatementId,
    /// The root keys in force.
    pub roots: Vec<PublicKey>,
    /// How many of them must sign a root act.
    pub threshold: u64,
    /// The epochs before that one, genesis first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<StatementId>,
    /// Whether two rotations ended the last epoch, so that no root act counts any more.
    pub forked: bool,
    /// Fold version in force.
    pub fold_version: u64,
    /// Grants by root act, and below each those that rely on it.
    pub grants: Vec<GrantNode>,
    /// Revocations that were let in.
    pub revocations: Vec<RevocationNode>,
    /// Grants and revocations that a rule keeps out.
    pub void: Vec<VoidAct>,
}

/// Signatures of root keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureCount {
    /// How many there are.
    pub have: u64,
    /// How many there must be.
    pub need: u64,
    /// Whose.
    pub keys: Vec<PublicKey>,
}

/// A revocation that strikes a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrikeNode {
    /// The revocation.
    pub revocation: StatementId,
    /// Where.
    pub prefix: String,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantNode {
    /// Its id.
    pub id: StatementId,
    /// Who holds it.
    pub key: PublicKey,
    /// Who gave it.
    pub issuer: PublicKey,
    /// What.
    pub verbs: Vec<&'static str>,
    /// Where.
    pub prefix: String,
    /// For members: the scopes listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Steps to the epoch.
    pub rank: u32,
    /// `authorised`, `pending` or `struck`.
    pub state: &'static str,
    /// For a root act: who has signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureCount>,
    /// What strikes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub struck_by: Vec<StrikeNode>,
    /// When it was given, as its issuer claims.
    pub time: String,
    /// On what terms: approvals it demands, its last time, labels; those of the grants above it hold as well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub terms: String,
    /// Why, in its issuer's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Grants that rely on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantNode>,
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationNode {
    /// Its id.
    pub id: StatementId,
    /// Whose grants it strikes.
    pub key: PublicKey,
    /// Where.
    pub prefix: String,
    /// Who revokes.
    pub issuer: PublicKey,
    /// Its rank: 0 for a root act.
    pub rank: u32,
    /// `authorised` or `pending`.
    pub state: &'static str,
    /// For a root act: who has signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureCount>,
    /// The grants that it strikes.
    pub strikes: Vec<StatementId>,
    /// How many statements it lists to keep.
    pub accepts: u64,
    /// Why, in its issuer's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A grant or revocation that a rule keeps out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VoidAct {
    /// Its id.
    pub id: StatementId,
    /// `grant` or `revoke`.
    pub kind: &'static str,
    /// Who signed it.
    pub author: PublicKey,
    /// Whose key it is about.
    pub key: PublicKey,
    /// Where.
    pub prefix: String,
    /// The stable word of the rule.
    pub rule: &'static str,
    /// The rule in words.
    pub why: String,
}

/// The tree that some statements of `@mesh` make.
pub fn tree(trust: &Trust, mesh: &[Arc<Verified>]) -> Tree {
    let acts = Acts::of(trust, mesh);
    let revocations = trust.revocations().map(|one| RevocationNode {
        id: one.id,
        key: one.key,
        prefix: one.prefix.to_string(),
        issuer: one.issuer,
        rank: u32::try_from(one.rank).unwrap_or(u32::MAX),
        state: if one.is_authorised() { "authorised" } else { "pending" },
        signatures: acts.signatures(&one.id),
        strikes: trust.grants().map(|(id, _)| *id).filter(|id| trust.struck(id).any(|s| s.id == one.id)).collect(),
        accepts: one.listed.len() as u64,
        note: acts.note(&one.id),
    });
    let genesis = trust.genesis();
    let last = trust.epochs().next_back();
    let named = acts.by_id.get(&genesis).and_then(|statement| match &statement.statement().body {
        Body::Genesis(genesis) => Some(genesis.name.clone()),
        _ => None,
    });
    Tree {
        mesh: MeshId::from(genesis),
        name: named.unwrap_or_default(),
        epoch: last.map_or(genesis, Epoch::id),
        roots: last.into_iter().flat_map(Epoch::keys).copied().collect(),
        threshold: last.map_or(0, Epoch::threshold),
        ended: trust.epochs().filter(|epoch| epoch.is_ended()).map(Epoch::id).collect(),
        forked: trust.epoch().is_none(),
        fold_version: trust.fold_version(),
        grants: trust.epochs().flat_map(|epoch| acts.below(&epoch.id())).collect(),
        revocations: revocations.collect(),
        void: mesh.iter().filter_map(|statement| void(trust, statement)).collect(),
    }
}

/// The statements of `@mesh` as the tree needs them.
struct Acts<'a> {
    trust: &'a Trust,
    by_id: BTreeMap<StatementId, &'a Verified>,
    children: BTreeMap<StatementId, Vec<&'a Standing>>,
}

impl<'a> Acts<'a> {
    fn of(trust: &'a Trust, mesh: &'a [Arc<Verified>]) -> Self {
        let mut children: BTreeMap<StatementId, Vec<&Standing>> = BTreeMap::new();
        for (_, standing) in trust.grants() {
            children.entry(standing.parent).or_default().push(standing);
        }
        let by_id = mesh.iter().map(|statement| (statement.id(), &**statement)).collect();
        Self { trust, by_id, children }
    }

    /// Who has signed a root act; `None` for any other.
    fn signatures(&self, act: &StatementId) -> Option<SignatureCount> {
        let wanted = self.trust.wanted(self.by_id.get(act)?).into_iter().next()?;
        Some(SignatureCount { have: wanted.by.len() as u64, need: wanted.need, keys: wanted.by.into_iter().collect() })
    }

    fn note(&self, id: &StatementId) -> String {
        self.by_id.get(id).map(|statement| statement.statement().note.reason.clone()).unwrap_or_default()
    }

    /// Grants that rely on one, with all below them: at most as deep as a chain may be long.
    fn below(&self, parent: &StatementId) -> Vec<GrantNode> {
        let children = self.children.get(parent).into_iter().flatten();
        let mut nodes: Vec<GrantNode> = children.map(|standing| self.node(standing)).collect();
        nodes.sort_by(|a, b| (&a.time, a.id).cmp(&(&b.time, b.id)));
        nodes
    }

    fn node(&self, standing: &Standing) -> GrantNode {
        let struck_by: Vec<StrikeNode> = self
            .trust
            .struck(&standing.id)
            .map(|one| StrikeNode { revocation: one.id, prefix: one.prefix.to_string() })
            .collect();
        let state = match (standing.is_authorised(), struck_by.is_empty()) {
            (false, _) => "pending",
            (true, false) => "struck",
            (true, true) => "authorised",
        };
        GrantNode {
            id: standing.id,
            key: standing.grant.key,
            issuer: standing.issuer,
            verbs: standing.grant.verbs.iter().map(|verb| verb.word()).collect(),
            prefix: standing.grant.prefix.to_string(),
            scopes: standing.grant.scopes.clone(),
            rank: u32::try_from(standing.rank).unwrap_or(u32::MAX),
            state,
            signatures: self.signatures(&standing.id),
            struck_by,
            time: rfc3339_millis(standing.at.millis()),
            terms: terms(&standing.grant.terms).trim_start_matches(", ").to_owned(),
            note: self.note(&standing.id),
            grants: self.below(&standing.id),
        }
    }
}

fn void(trust: &Trust, statement: &Verified) -> Option<VoidAct> {
    let (key, prefix) = match &statement.statement().body {
        Body::Grant(grant) => (grant.key, grant.prefix.to_string()),
        Body::Revoke(revoke) => (revoke.key, revoke.prefix.to_string()),
        _ => return None,
    };
    let refusal = trust.admissible(statement, &Accepted::default()).err()?;
    Some(VoidAct {
        id: statement.id(),
        kind: statement.statement().body.word(),
        author: statement.statement().author,
        key,
        prefix,
        rule: refusal.word(),
        why: refusal.to_string(),
    })
}
