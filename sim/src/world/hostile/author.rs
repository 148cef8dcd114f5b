//! A hostile author: its key, its grant, what it signed and what it keeps back. What each strategy signs is in `writes` and
//! `reach`; here is how a statement is put together, whatever the rules say about it.

use driftless_core::machine::Machine;
use driftless_core::rng::Rng;
use driftless_statement::edit::Op;
use driftless_statement::{
    Body, Edit, Grant, Hlc, MeshId, Path, PublicKey, SecretKey, Statement, StatementId, Terms, Touch, Value, Verb,
    Write,
};

use super::bodies::Others;
use crate::plan::AuthorKind;
use crate::world::founding::{Mesh, NODES_WRITE, sign, unsigned};
use crate::world::{FOUNDING_MS, START_MS};

/// What is signed before the canonical bytes of a statement.
const CONTEXT: &[u8] = b"driftless/statement/v1\0";

/// Until when an overstayer may write, Unix milliseconds: well within the shortest run.
pub const NOT_AFTER_MS: u64 = START_MS + FOUNDING_MS + 40_000;

/// What an author sees when it acts.
pub struct Sight<'a> {
    /// The node at whose door it stands.
    pub machine: &'a Machine,
    /// True time, Unix milliseconds.
    pub now_ms: u64,
    /// The mesh.
    pub mesh: MeshId,
    /// The first epoch.
    pub epoch: StatementId,
    /// What ended it.
    pub rotated: Option<StatementId>,
    /// Whom it may aim at.
    pub others: &'a Others,
    /// Entries that services write.
    pub entries: usize,
}

/// What it lets go: wire bytes to one node and to another.
#[derive(Default)]
pub struct Released {
    /// To the node at whose door it stands.
    pub first: Vec<Vec<u8>>,
    /// To another one, or the same.
    pub second: Vec<Vec<u8>>,
    /// Among them, what may never count.
    pub forbidden: Vec<StatementId>,
}

/// A statement as an author makes it.
pub struct Made {
    /// Its id.
    pub id: StatementId,
    /// Its time.
    pub hlc: Hlc,
    /// Its bytes.
    pub wire: Vec<u8>,
}

/// Canonical bytes with a signature, whatever they say.
pub fn seal(canonical: Vec<u8>, key: &SecretKey) -> (StatementId, Vec<u8>) {
    let signature = key.sign_for(CONTEXT, &canonical);
    (StatementId::of(&canonical), [canonical.as_slice(), &signature].concat())
}

/// A hostile author.
pub struct Author {
    /// What it does.
    pub kind: AuthorKind,
    /// Its place among hostile authors.
    pub number: usize,
    /// Its key.
    pub key: SecretKey,
    /// What it relies on.
    pub grant: StatementId,
    /// An overstayer's second grant, in a corner, which has no end.
    pub lasting: Option<StatementId>,
    /// The time of that.
    pub since: Hlc,
    /// Its latest statements: one for each process that holds its key.
    pub last: [Option<(StatementId, Hlc)>; 2],
    /// Signed and kept back.
    pub kept: Vec<Vec<u8>>,
    /// All that it signed.
    pub signed: Vec<StatementId>,
    /// Grants that it gave.
    pub gave: Vec<StatementId>,
    /// Whether operators struck it.
    pub struck: bool,
    /// How often it acted.
    pub acts: u64,
    /// How much it let go that must be kept out.
    pub released: u64,
    /// A hostile revoker's: what it hid when it was struck.
    pub hid: Vec<StatementId>,
}

impl Author {
    /// Grants a key what its strategy needs: some by the roots, others by the steward.
    pub fn granted(
        kind: AuthorKind,
        number: usize,
        key: SecretKey,
        mesh: &mut Mesh,
        steward: &(SecretKey, StatementId),
    ) -> Self {
        let narrow = format!("{NODES_WRITE}/climber-{number}");
        let (verbs, prefix): (&[Verb], &str) = match kind {
            AuthorKind::Sideways => (&[Verb::Write, Verb::Delegate, Verb::Revoke], NODES_WRITE),
            AuthorKind::Befriender => (&[Verb::Write, Verb::Delegate], NODES_WRITE),
            AuthorKind::Climber => (&[Verb::Write, Verb::Delegate, Verb::Revoke], &narrow),
            _ => (&[Verb::Write], NODES_WRITE),
        };
        let mut lasting = None;
        let (grant, since) = if kind.is_root() {
            (mesh.genesis.id(), mesh.genesis.statement().hlc)
        } else if kind == AuthorKind::Overstayer {
            let (acts, id) = mesh.grant(key.public(), verbs, &format!("{NODES_WRITE}/overstayer-{number}"));
            lasting = Some(id);
            mesh.bundle.extend(acts);
            let terms = Terms { not_after_ms: Some(NOT_AFTER_MS), ..Terms::default() };
            let (acts, id) = mesh.grant_on(key.public(), verbs, prefix, terms);
            let since = acts[0].statement().hlc;
            mesh.bundle.extend(acts);
            (id, since)
        } else if number % 3 == 2 && !matches!(kind, AuthorKind::Sideways | AuthorKind::Befriender) {
            junior_grant(key.public(), verbs, prefix, mesh, steward)
        } else {
            let (acts, id) = mesh.grant(key.public(), verbs, prefix);
            let since = acts[0].statement().hlc;
            mesh.bundle.extend(acts);
            (id, since)
        };
        let (kept, signed, gave, hid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (last, struck, acts, released) = ([None, None], false, 0, 0);
        Self { kind, number, key, grant, lasting, since, last, kept, signed, gave, struck, acts, released, hid }
    }

    /// The time that an honest author would take now.
    pub fn time(&self, sight: &Sight, after: Hlc) -> Hlc {
        let last = self.last[0].map_or(self.since, |(_, hlc)| hlc).max(after);
        last.next().unwrap_or(last).max(Hlc::from_millis(sight.now_ms))
    }

    /// A statement of its own, unsigned.
    pub fn draft(&self, sight: &Sight, touches: Vec<Touch>, hlc: Hlc, body: Body) -> Statement {
        let mut statement = unsigned(sight.mesh, self.key.public(), self.grant, hlc, body);
        if let Some(first) = touches.first() {
            statement.scope = first.path.scope();
        }
        statement.touches = touches;
        statement
    }

    /// A write of one entry.
    pub fn write(&self, sight: &Sight, at: (Path, Vec<StatementId>), hlc: Hlc, edits: Vec<Edit>) -> Statement {
        let touch = Touch { path: at.0, bases: at.1 };
        self.draft(sight, vec![touch], hlc, Body::Write(Write { edits: vec![edits] }))
    }

    /// Signs a statement, and remembers it.
    pub fn sign(&mut self, statement: &Statement) -> Made {
        let (id, wire) = seal(statement.encode(), &self.key);
        self.signed.push(id);
        Made { id, hlc: statement.hlc, wire }
    }

    /// An act: what it lets go.
    pub fn act(&mut self, sight: &Sight, rng: &mut Rng) -> Released {
        self.acts += 1;
        match self.kind {
            AuthorKind::Brancher => self.branches(sight, rng),
            AuthorKind::Twins => self.twins(sight, rng),
            AuthorKind::BackDater => self.dates_back(sight, rng),
            AuthorKind::Forger => self.forges(sight, rng),
            AuthorKind::Climber => self.climbs(sight, rng),
            AuthorKind::Sideways => self.strikes(sight, rng),
            AuthorKind::Flooder => self.floods(sight, rng),
            AuthorKind::FutureDater => self.dates_ahead(sight, rng),
            AuthorKind::Padder => self.pads(sight, rng),
            AuthorKind::Overflower => self.overflows(sight, rng),
            AuthorKind::Withholder => self.withholds(sight, rng),
            AuthorKind::HeadMaker => self.makes_heads(sight, rng),
            AuthorKind::MeshReplayer => self.replays_meshes(sight, rng),
            AuthorKind::MassDeleter => self.deletes(sight, rng),
            AuthorKind::PathConfuser => self.confuses(sight, rng),
            AuthorKind::Stranger => self.is_strange(sight, rng),
            AuthorKind::LateReleaser => self.releases_late(sight, rng),
            AuthorKind::RogueRoot => self.acts_as_root(sight, rng),
            AuthorKind::Befriender => self.befriends(sight, rng),
            AuthorKind::Overstayer => self.overstays(sight, rng),
            AuthorKind::OldRoot => self.clings(sight, rng),
        }
    }
}

/// A grant by the steward: its id and time.
fn junior_grant(
    key: PublicKey,
    verbs: &[Verb],
    prefix: &str,
    mesh: &mut Mesh,
    steward: &(SecretKey, StatementId),
) -> (StatementId, Hlc) {
    let prefix = prefix.parse().unwrap_or_else(|_| panic!("{prefix} is no prefix"));
    let grant =
        Grant { key, verbs: verbs.iter().copied().collect(), prefix, scopes: Vec::new(), terms: Terms::default() };
    let last = mesh.bundle.iter().map(|statement| statement.statement().hlc).max().unwrap_or_default();
    let hlc = last.next().unwrap_or(last);
    let statement = unsigned(mesh.id(), steward.0.public(), steward.1, hlc, Body::from(grant));
    let signed = std::sync::Arc::new(sign(statement, &steward.0));
    let id = signed.id();
    mesh.bundle.push(signed);
    (id, hlc)
}

/// An honest author whom the steward granted a corner to.
pub struct Junior {
    /// Its key's public half.
    pub key: PublicKey,
    secret: SecretKey,
    grant: StatementId,
    since: Hlc,
    written: i128,
}

impl Junior {
    /// Where it writes.
    pub const CORNER: &'static str = "app/junior";

    /// Grants it its corner.
    pub fn granted(secret: SecretKey, mesh: &mut Mesh, steward: &(SecretKey, StatementId)) -> Self {
        let key = secret.public();
        let (grant, since) = junior_grant(key, &[Verb::Write], Self::CORNER, mesh, steward);
        Self { key, secret, grant, since, written: 0 }
    }

    /// Writes an entry of its corner, as an honest tool does it.
    pub fn write(
        &mut self,
        machine: &Machine,
        mesh: MeshId,
        now: Hlc,
        rng: &mut Rng,
    ) -> Option<(StatementId, Vec<u8>)> {
        let path: Path = format!("{}/entry-{}", Self::CORNER, rng.below(3)).parse().ok()?;
        let told = machine.merged(&path, Some(&self.key)).ok()?;
        self.written += 1;
        let edit = Edit { at: Vec::new(), op: Op::Put(Value::Int(self.written)) };
        let after = told.after.max(self.since);
        let mut statement = unsigned(
            mesh,
            self.key,
            self.grant,
            after.next()?.max(now),
            Body::Write(Write { edits: vec![vec![edit]] }),
        );
        (statement.scope, statement.prev) = (path.scope(), told.prev);
        statement.touches = vec![Touch { path, bases: told.heads }];
        let (id, wire) = seal(statement.encode(), &self.secret);
        Some((id, wire))
    }
}
