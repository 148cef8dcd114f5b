//! Building and signing statements: what is merged and what is wanted go in, what was shown comes out signed. It must
//! not know sockets, files or the clock: the time is an argument.

mod plan;
mod revoke;

use driftless_statement::schema::{At, BadSchema, Unmet};
use driftless_statement::{
    Body, Genesis, Grant, Hlc, Invalid, MeshId, Note, Path, Prefix, PublicKey, Scope, SecretKey, Statement,
    StatementId, Verb, Verified, limits,
};

use crate::api::{GrantInfo, Grants, Merged, Strike};
use crate::tree::BadTree;

pub use plan::{Desired, Edited, plan, replace, statements};
pub use revoke::frontier;

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The node's answer holds a tree that is none.
    #[error("the node's answer about {path} is not understood: {bad}")]
    Tree {
        /// The entry.
        path: Path,
        /// What is wrong.
        bad: BadTree,
    },
    /// The key has no grant for it.
    #[error("key {key} has no grant to {verb} {what}; ask for one with `driftless grant {key} {verb} PREFIX`")]
    NoGrant {
        /// The key.
        key: PublicKey,
        /// What it wanted to do.
        verb: &'static str,
        /// Where.
        what: String,
    },
    /// Only a root key can do it.
    #[error("key {key} is no root key of this mesh; only root keys approve root acts")]
    NotRoot {
        /// The key.
        key: PublicKey,
    },
    /// It would have to name more statements than one may.
    #[error("it would have to name {got} statements at once, at most {max} are possible; nothing was signed")]
    TooManyNamed {
        /// The limit.
        max: usize,
        /// How many.
        got: usize,
    },
    /// The value would not meet a schema over the entry.
    #[error("{path}: schema {schema}: {unmet}; nothing was signed")]
    Schema {
        /// The entry.
        path: Path,
        /// The entry that holds the schema.
        schema: Path,
        /// What is wrong, and where.
        unmet: At<Unmet>,
    },
    /// The entry lies where schemas lie, and the value is none.
    #[error("{path}: not a schema: {bad}; nothing was signed")]
    NotASchema {
        /// The entry.
        path: Path,
        /// What is wrong, and where.
        bad: At<BadSchema>,
    },
    /// The mesh's time ended.
    #[error("nothing can follow hybrid time {0}")]
    EndOfTime(Hlc),
    /// This clock is behind what the statement follows by more than receivers tolerate.
    #[error(
        "this clock is {behind} behind the statements that the change follows; set the clock, or the change would only \
         count when the nodes' clocks reach it", behind = crate::clock::span(std::time::Duration::from_millis(*.0))
    )]
    ClockBehind(u64),
    /// A receiver would refuse it.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Signs with one key.
pub struct Signer {
    key: SecretKey,
}

/// What the statements of one author in one scope have in common.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The mesh.
    pub mesh: MeshId,
    /// The scope.
    pub scope: Scope,
    /// The grant relied on.
    pub grant: StatementId,
    /// The author's own heads there.
    pub prev: Vec<StatementId>,
    /// The latest time among what is named.
    pub after: Hlc,
}

/// The time of a statement: now, or just behind what it names when that is later.
pub fn time(now_ms: u64, after: Hlc) -> Result<Hlc, SignError> {
    let next = after.next().ok_or(SignError::EndOfTime(after))?;
    let behind = next.millis().saturating_sub(now_ms);
    if behind > limits::SKEW_MS {
        return Err(SignError::ClockBehind(behind));
    }
    Ok(next.max(Hlc::from_millis(now_ms)))
}

impl Signer {
    /// A signer with a key.
    pub fn new(key: SecretKey) -> Self {
        Self { key }
    }

    /// The author that its statements name.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// Founds a mesh: the root keys in any order, this key among them.
    pub fn genesis(
        &self,
        mut keys: Vec<PublicKey>,
        threshold: u64,
        name: &str,
        now_ms: u64,
    ) -> Result<Verified, SignError> {
        keys.sort_unstable();
        keys.dedup();
        let body = Body::from(Genesis { keys, threshold, fold_version: limits::FOLD_VERSION, name: name.to_owned() });
        let frame = Frame {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            grant: StatementId::NONE,
            prev: Vec::new(),
            after: Hlc::default(),
        };
        self.sign(&frame, Vec::new(), body, Note::default(), now_ms)
    }

    /// Gives a key verbs, relying on the grant (or, for a root key, the epoch) in the frame. It gives back what these
    /// revocations took, as far as they are not senior to that.
    pub fn grant(
        &self,
        frame: &Frame,
        grant: Grant,
        again: &[StatementId],
        note: Note,
        now_ms: u64,
    ) -> Result<Verified, SignError> {
        self.sign(frame, revoke::again(again)?, Body::from(grant), note, now_ms)
    }

    /// The frame for a grant on a prefix: the widest grant to delegate that this key holds there, or its root epoch.
    pub fn grant_frame(&self, mesh: MeshId, grants: &Grants, wanted: &Grant, now_ms: u64) -> Result<Frame, SignError> {
        if grants.roots.contains(&self.public()) {
            return Ok(frame(mesh, grants, grants.epoch));
        }
        let verbs: Vec<Verb> = wanted.verbs.iter().copied().chain([Verb::Delegate]).collect();
        self.frame_on(mesh, grants, &verbs, std::slice::from_ref(&wanted.prefix), now_ms)
    }

    /// The frame on the first grant that gives this key all of these verbs on each of these prefixes; an error names the last verb.
    fn frame_on(
        &self,
        mesh: MeshId,
        grants: &Grants,
        verbs: &[Verb],
        prefixes: &[Prefix],
        now_ms: u64,
    ) -> Result<Frame, SignError> {
        let key = self.public();
        let on_all = |held: &&GrantInfo| prefixes.iter().all(|prefix| usable(held, &key, verbs, prefix, now_ms));
        let no_grant = || SignError::NoGrant {
            key,
            verb: verbs.last().map_or("", |verb| verb.word()),
            what: prefixes.iter().map(|prefix| display_prefix(prefix.as_str())).collect::<Vec<_>>().join(", "),
        };
        grants.grants.iter().find(on_all).map(|held| frame(mesh, grants, held.id)).ok_or_else(no_grant)
    }

    /// Signs a body.
    pub(crate) fn sign(
        &self,
        frame: &Frame,
        touches: Vec<driftless_statement::Touch>,
        body: Body,
        note: Note,
        now_ms: u64,
    ) -> Result<Verified, SignError> {
        let statement = Statement {
            mesh: frame.mesh,
            scope: frame.scope.clone(),
            author: self.public(),
            grant: frame.grant,
            prev: frame.prev.clone(),
            touches,
            hlc: time(now_ms, frame.after)?,
            body,
            note,
            unknown: Vec::new(),
        };
        Ok(Verified::sign(statement, &self.key)?)
    }

    /// The edits that turn what is merged into what is wanted; `None`: it is so already.
    pub fn edit(&self, merged: &Merged, wanted: &Desired) -> Result<Option<Edited>, SignError> {
        plan(merged, wanted)
    }

    /// Edits and signs one entry in one go; `None`: it is so already.
    pub fn write(
        &self,
        merged: &Merged,
        wanted: &Desired,
        note: &Note,
        now_ms: u64,
    ) -> Result<Option<Verified>, SignError> {
        let Some(edited) = plan(merged, wanted)? else { return Ok(None) };
        Ok(statements(self, vec![edited], note, now_ms)?.pop())
    }
}

fn frame(mesh: MeshId, grants: &Grants, grant: StatementId) -> Frame {
    Frame { mesh, scope: Scope::mesh(), grant, prev: grants.prev.clone(), after: grants.after }
}

/// Whether a key may rely on a grant for all of these verbs on a whole prefix now.
fn usable(held: &GrantInfo, key: &PublicKey, verbs: &[Verb], prefix: &Prefix, now_ms: u64) -> bool {
    let open = |latest: &String| crate::clock::parse_rfc3339(latest).is_none_or(|latest| now_ms <= latest);
    let gives = |verb: &Verb| held.verbs.iter().any(|word| word == verb.word());
    let struck = |strike: &Strike| strike.prefix.parse().is_ok_and(|struck: Prefix| struck.overlaps(prefix));
    held.key == *key
        && held.state == "authorised"
        && verbs.iter().all(gives)
        && held.not_after.as_ref().is_none_or(open)
        && held.prefix.parse().is_ok_and(|held: Prefix| held.contains(prefix))
        && !held.struck_by.iter().any(struck)
}

fn display_prefix(prefix: &str) -> String {
    if prefix.is_empty() { "everything".to_owned() } else { prefix.to_owned() }
}
