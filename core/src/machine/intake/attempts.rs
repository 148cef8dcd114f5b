//! What this node refused, by whom, and by which rule: its own observation since its start, in bounded memory. Nothing of
//! it is stored, sent, or signed; nothing is decided by it.

use std::collections::BTreeMap;

use driftless_statement::{Invalid, Path, PublicKey, Scope, Signed, Statement, StatementId};

use crate::machine::Machine;
use crate::machine::intake::Taken;
use crate::machine::outcome::WriteRefused;
use crate::machine::storing::Origin;

/// Attempts kept by authors whose signature was checked, and by this node itself. A guess: far more keys than an operator
/// looks into at once, in less than a megabyte.
const PROVEN: usize = 256;
/// Attempts kept under names that anybody may have put there. They have a room of their own, so that no stranger can wash
/// out what is known for sure.
const CLAIMED: usize = 64;
/// Paths kept of one attempt.
const PATHS: usize = 4;

/// How far it is known that the author named is who tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signature {
    /// The signature is the author's.
    Good,
    /// Nobody looked: the key may do nothing here, which is cheaper to see.
    NotChecked,
    /// It does not verify: somebody else put the key there, or the bytes were damaged.
    Bad,
    /// This node's own key, asked by a local service to sign; nothing was signed.
    Own,
}

impl Signature {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotChecked => "not_checked",
            Self::Bad => "bad",
            Self::Own => "own",
        }
    }

    fn is_proven(self) -> bool {
        matches!(self, Self::Good | Self::Own)
    }
}

/// Who tried what in which way, as far as attempts are told apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    signature: Signature,
    author: PublicKey,
    rule: &'static str,
    came: &'static str,
    kind: &'static str,
    scope: Scope,
}

/// Attempts of one kind by one key that were refused by one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whose key it names.
    pub author: PublicKey,
    /// Whether that is known.
    pub signature: Signature,
    /// How it came: `edit` (a local service), `submission`, or `peer`.
    pub came: &'static str,
    /// Kind of body.
    pub kind: &'static str,
    /// Where.
    pub scope: Scope,
    /// The stable word of the rule.
    pub rule: &'static str,
    /// The rule in words, for the last one.
    pub why: String,
    /// The last statement; `None` when none was signed.
    pub id: Option<StatementId>,
    /// The grant that the last one relied on.
    pub grant: Option<StatementId>,
    /// What the last one touched; at most four.
    pub paths: Vec<Path>,
    /// When the first came, Unix milliseconds by this node's clock.
    pub first_ms: u64,
    /// When the last came.
    pub last_ms: u64,
    /// How many, the same one again not counted.
    pub count: u64,
}

/// The attempts kept.
#[derive(Debug, Default)]
pub(in crate::machine) struct Attempts {
    proven: BTreeMap<Case, Attempt>,
    claimed: BTreeMap<Case, Attempt>,
    dropped: u64,
}

impl Attempts {
    fn note(&mut self, attempt: Attempt) {
        let proven = attempt.signature.is_proven();
        let (room, bound) = if proven { (&mut self.proven, PROVEN) } else { (&mut self.claimed, CLAIMED) };
        let case = Case {
            signature: attempt.signature,
            author: attempt.author,
            rule: attempt.rule,
            came: attempt.came,
            kind: attempt.kind,
            scope: attempt.scope.clone(),
        };
        if let Some(known) = room.get_mut(&case) {
            let again = attempt.id.is_some() && attempt.id == known.id;
            let count = known.count.saturating_add(u64::from(!again));
            *known = Attempt { first_ms: known.first_ms, count, ..attempt };
            return;
        }
        if room.len() >= bound
            && let Some(oldest) = room.iter().min_by_key(|(_, kept)| kept.last_ms).map(|(case, _)| case.clone())
        {
            room.remove(&oldest);
            self.dropped += 1;
        }
        room.insert(case, attempt);
    }
}

fn came(origin: Origin) -> &'static str {
    match origin {
        Origin::Write(_) | Origin::Unclaimed => "edit",
        Origin::Submit => "submission",
        Origin::Peer | Origin::Returned | Origin::Loaded => "peer",
    }
}

impl Machine {
    /// Trust refused a statement.
    pub(in crate::machine) fn note_refused(
        &mut self,
        said: &Statement,
        taken: &Taken,
        signature: Signature,
        origin: Origin,
    ) {
        let Taken::Refused(id, refusal) = taken else { return };
        self.counts.refused(came(origin), refusal.word());
        self.note_attempt(said, *id, (refusal.word(), refusal.to_string()), signature, origin);
    }

    /// Bytes whose signature does not verify were refused.
    pub(in crate::machine) fn note_unsigned(&mut self, wire: &[u8], taken: &Taken, origin: Origin) {
        let Taken::Invalid(invalid @ Invalid::Signature(_)) = taken else { return };
        if let Ok(claimed) = Signed::decode(wire) {
            let rule = (invalid.word(), invalid.to_string());
            self.note_attempt(claimed.statement(), claimed.id(), rule, Signature::Bad, origin);
        }
    }

    fn note_attempt(
        &mut self,
        said: &Statement,
        id: StatementId,
        (rule, why): (&'static str, String),
        signature: Signature,
        origin: Origin,
    ) {
        self.attempts.note(Attempt {
            author: said.author,
            signature,
            came: came(origin),
            kind: said.body.word(),
            scope: said.scope.clone(),
            rule,
            why,
            id: Some(id),
            grant: Some(said.grant),
            paths: said.touches.iter().take(PATHS).map(|touch| touch.path.clone()).collect(),
            first_ms: self.now.wall_ms,
            last_ms: self.now.wall_ms,
            count: 1,
        });
    }

    /// A local service asked for an edit that this node's key may not make.
    pub(in crate::machine) fn note_refused_edit(&mut self, refused: &WriteRefused) {
        let WriteRefused::NoGrant { node, path, .. } = refused else { return };
        let rule = "no_grant";
        self.counts.refused("edit", rule);
        self.attempts.note(Attempt {
            author: *node,
            signature: Signature::Own,
            came: "edit",
            kind: "write",
            scope: path.scope(),
            rule,
            why: refused.to_string(),
            id: None,
            grant: None,
            paths: vec![path.clone()],
            first_ms: self.now.wall_ms,
            last_ms: self.now.wall_ms,
            count: 1,
        });
    }

    /// What was refused since the start, latest first, and how many cases had to give way to later ones. What was let in
    /// after all, because the grant that it lacked came later, is left out.
    pub fn attempts(&self) -> (Vec<Attempt>, u64) {
        let let_in = |attempt: &Attempt| {
            let held = attempt.id.is_some_and(|id| self.log.contains(&id) && !self.log.is_aside(&id));
            held && attempt.count == 1
        };
        let kept = self.attempts.proven.values().chain(self.attempts.claimed.values());
        let mut list: Vec<Attempt> = kept.filter(|attempt| !let_in(attempt)).cloned().collect();
        list.sort_by(|a, b| (b.last_ms, &a.author, a.rule).cmp(&(a.last_ms, &b.author, b.rule)));
        (list, self.attempts.dropped)
    }
}
