//! Whether a key may use a verb at a place: the grant and its chain, or the rule that refuses. It must not know how the answer
//! is printed.

use std::sync::Arc;

use driftless_statement::{Body, Path, Prefix, PublicKey, Scope, StatementId, Verb, Verified};
use driftless_trust::{Accepted, Refusal, Revocation, Standing, Trust};
use serde::Serialize;

/// The place asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One entry.
    Entry(Path),
    /// Everything under a prefix.
    Under(Prefix),
}

impl Target {
    fn prefix(&self) -> Prefix {
        match self {
            Self::Entry(path) => Prefix::from(path),
            Self::Under(prefix) => prefix.clone(),
        }
    }

    fn scope(&self) -> Option<Scope> {
        match self {
            Self::Entry(path) => Some(path.scope()),
            Self::Under(prefix) => Scope::parse(prefix.as_str().split('/').next().unwrap_or_default()).ok(),
        }
    }

    /// Whether a revocation makes void what a struck grant gives here.
    fn is_struck_by(&self, revocation: &Revocation) -> bool {
        match self {
            Self::Entry(path) => revocation.prefix.covers(path),
            Self::Under(prefix) => revocation.prefix.overlaps(prefix),
        }
    }
}

/// Why a grant does not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The grant; absent: it is not about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<StatementId>,
    /// The stable word of the rule, as metrics and attempts have it.
    pub rule: &'static str,
    /// The rule in words.
    pub why: String,
}

/// Approvals that a grant demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// The grant that demands them.
    pub demanded_by: StatementId,
    /// `writes` or `deletes`.
    #[serde(rename = "for")]
    pub what: &'static str,
    /// How many.
    pub approvals: u64,
    /// Of which keys; the author's own never counts.
    pub of: Vec<PublicKey>,
}

fn demands(standing: &Standing, verb: Verb) -> Vec<Needed> {
    let demanding = matches!(verb, Verb::Write | Verb::Operate);
    let all = standing.demands.iter().filter(|_| demanding).flat_map(|(grant, demands)| {
        let both = [("writes", &demands.writes), ("deletes", &demands.deletes)];
        both.into_iter().filter_map(|(what, demand)| Some((*grant, what, demand.as_ref()?)))
    });
    let needed = all.map(|(demanded_by, what, demand)| Needed {
        demanded_by,
        what,
        approvals: demand.approvals,
        of: demand.of.iter().copied().collect(),
    });
    needed.collect()
}

/// A root key may do it as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RootAct {
    /// How many root keys must sign.
    pub threshold: u64,
    /// How many there are.
    pub roots: u64,
}

/// Whether a key may, and why or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The key.
    pub key: PublicKey,
    /// The verb.
    pub verb: &'static str,
    /// The entry, or with a closing slash the prefix.
    pub target: String,
    /// Whether a statement that relies on the grant below would count, or a root act once it has its signatures.
    pub allowed: bool,
    /// The grant to rely on and those above it, up to genesis.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<StatementId>,
    /// Approvals that a write needs before it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Needed>,
    /// No grant is needed: the key is a root key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_act: Option<RootAct>,
    /// Why not, the nearest miss first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// Whether a key may use a verb at a place now (Unix milliseconds).
pub fn check(
    trust: &Trust,
    mesh: &[Arc<Verified>],
    key: &PublicKey,
    verb: Verb,
    target: &Target,
    now_ms: u64,
) -> Answer {
    let text = match target {
        Target::Entry(path) => path.to_string(),
        Target::Under(prefix) => format!("{prefix}/"),
    };
    let no = Answer {
        key: *key,
        verb: verb.word(),
        target: text,
        allowed: false,
        chain: Vec::new(),
        approvals: Vec::new(),
        root_act: None,
        reasons: Vec::new(),
    };
    if let Some(reason) = wrong_verb(verb, target) {
        return Answer { reasons: vec![reason], ..no };
    }
    let misses = |standing: &Standing| miss(trust, standing, verb, target, now_ms);
    let usable = trust.grants_of(key).filter(|standing| misses(standing).is_none());
    // The one that a signer takes: rather one that demands nothing.
    if let Some(standing) = usable.min_by_key(|standing| !demands(standing, verb).is_empty()) {
        let (chain, approvals) = (trust.chain(&standing.id), demands(standing, verb));
        return Answer { allowed: true, chain, approvals, ..no };
    }
    if let Some(epoch) = trust.epoch().filter(|epoch| epoch.is_root(key))
        && matches!(verb, Verb::Delegate | Verb::Revoke | Verb::Approve)
    {
        let root_act = RootAct { threshold: epoch.threshold(), roots: epoch.keys().count() as u64 };
        return Answer { allowed: true, root_act: Some(root_act), ..no };
    }
    let given = trust.grants().map(|(_, standing)| standing).filter(|standing| standing.grant.key == *key);
    let mut found: Vec<(u8, Reason)> = given.filter_map(misses).collect();
    found.extend(mesh.iter().filter_map(|statement| void(trust, statement, key, verb, target)));
    found.sort_by(|(a, one), (b, other)| (a, one.grant).cmp(&(b, other.grant)));
    let mut reasons: Vec<Reason> = found.into_iter().map(|(_, reason)| reason).collect();
    if reasons.is_empty() {
        let why = "no grant was given to this key".to_owned();
        reasons.push(Reason { grant: None, rule: "no_such_grant", why });
    }
    Answer { reasons, ..no }
}

/// The verb is not the one for this place, whoever holds it.
fn wrong_verb(verb: Verb, target: &Target) -> Option<Reason> {
    let in_mesh = target.scope().is_some_and(|scope| scope.is_mesh());
    let everywhere = target.prefix() == Prefix::all();
    let why = match verb {
        Verb::Write if in_mesh => "edits of entries in `@mesh` take the verb `operate`",
        Verb::Operate if !in_mesh && !everywhere => "edits of entries outside of `@mesh` take the verb `write`",
        _ => return None,
    };
    Some(Reason { grant: None, rule: "verb", why: why.to_owned() })
}

/// Why a grant does not do, and how near it comes; `None`: it does.
fn miss(trust: &Trust, standing: &Standing, verb: Verb, target: &Target, now_ms: u64) -> Option<(u8, Reason)> {
    let grant = standing.id;
    let reason = |near: u8, refusal: Refusal| {
        Some((near, Reason { grant: Some(grant), rule: refusal.word(), why: refusal.to_string() }))
    };
    if !standing.grant.verbs.contains(&verb) {
        return reason(4, Refusal::Verb { grant, verb });
    }
    if !covers(standing, verb, target) {
        let prefix = standing.grant.prefix.clone();
        let why = match target {
            Target::Entry(path) => return reason(3, Refusal::Outside { path: path.clone(), prefix }),
            Target::Under(_) => format!("the grant's prefix `{prefix}` does not cover all of that"),
        };
        return Some((3, Reason { grant: Some(grant), rule: "outside", why }));
    }
    if let Some(signatures) = standing.signatures.filter(|signatures| !signatures.complete()) {
        return reason(1, Refusal::GrantPending { grant, have: signatures.have, need: signatures.need });
    }
    if let Some(not_after_ms) = standing.not_after_ms.filter(|_| verb != Verb::Member && !standing.is_open_at(now_ms)) {
        return reason(1, Refusal::Expired { grant, not_after_ms });
    }
    let strikes = |one: &&Revocation| match verb {
        // A narrower revocation leaves the membership.
        Verb::Member => one.prefix.contains(&standing.grant.prefix),
        _ => target.is_struck_by(one),
    };
    let revocation = trust.struck(&grant).find(strikes)?.id;
    reason(0, Refusal::Struck { grant, revocation })
}

/// Whether a grant reaches the place. For `member` that is the scope.
fn covers(standing: &Standing, verb: Verb, target: &Target) -> bool {
    match (verb, target.scope()) {
        (Verb::Member, Some(scope)) => standing.held().has(&scope),
        (Verb::Member, None) => standing.held() == driftless_trust::Held::All,
        _ => standing.grant.prefix.contains(&target.prefix()),
    }
}

/// A grant to the key that would do and that a rule keeps out.
fn void(trust: &Trust, statement: &Verified, key: &PublicKey, verb: Verb, target: &Target) -> Option<(u8, Reason)> {
    let Body::Grant(grant) = &statement.statement().body else { return None };
    let would_do = grant.key == *key && grant.verbs.contains(&verb) && grant.prefix.contains(&target.prefix());
    let refusal = trust.admissible(statement, &Accepted::default()).err().filter(|_| would_do)?;
    Some((2, Reason { grant: Some(statement.id()), rule: refusal.word(), why: refusal.to_string() }))
}
