//! Founding: the mesh's genesis and grants, and what operators sign. Keys follow from the seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::machine::{Machine, MergedAnswer};
use driftless_statement::edit::Op;
use driftless_statement::{
    Approve, Body, Edit, Frontier, Genesis, Grant, Hlc, MeshId, Note, Path, Prefix, PublicKey, Rotate, Scope,
    SecretKey, Statement, StatementId, Terms, Touch, Value, Verb, Verified, Write, diff,
};

use super::World;
use super::clock::START_MS;
use super::node::secret;
use crate::checks::Seen;
use crate::facts::Made;

/// Who may sign what in this mesh.
pub struct Mesh {
    /// The genesis.
    pub genesis: Arc<Verified>,
    /// Genesis and the first grants, in an order in which each can be taken in.
    pub bundle: Vec<Arc<Verified>>,
    /// The root keys of the epoch in force; of three, two must sign.
    pub roots: Vec<SecretKey>,
    /// The epoch in force.
    epoch: StatementId,
    /// How many epochs ended.
    epochs: usize,
    operator: SecretKey,
    operators_grant: StatementId,
    /// The last act of the first root key in this epoch, and the time of the last one at all.
    last: (Option<StatementId>, Hlc),
    /// The last approval of each other root key that signs.
    approved: Vec<Option<StatementId>>,
}

/// Where nodes themselves write.
pub const NODES_WRITE: &str = "app";
/// Where the operator alone writes.
pub const OPERATORS_WRITE: &str = "ops";

impl Mesh {
    /// A mesh with so many root keys (one, or three of which two sign), one operator and these nodes.
    pub fn found(seed: u64, roots: usize, nodes: impl Iterator<Item = PublicKey>) -> Self {
        let roots: Vec<SecretKey> =
            (0..roots).map(|number| SecretKey::from_bytes(secret(seed, "root", number))).collect();
        let operator = SecretKey::from_bytes(secret(seed, "operator", 0));
        let mut keys: Vec<PublicKey> = roots.iter().map(SecretKey::public).collect();
        keys.sort_unstable();
        let threshold = roots.len() as u64 / 2 + 1;
        let founding = Genesis { keys, threshold, fold_version: 1, name: "simulated".to_owned() };
        let hlc = Hlc::from_millis(START_MS - 3_600_000);
        let statement = unsigned(MeshId::UNFOUNDED, roots[0].public(), StatementId::NONE, hlc, Body::from(founding));
        let genesis = Arc::new(sign(statement, &roots[0]));
        let (epoch, last) = (genesis.id(), (Some(genesis.id()), hlc));
        let (bundle, operators_grant, approved) =
            (vec![genesis.clone()], StatementId::NONE, vec![None; roots.len() / 2]);
        let mut mesh = Self { bundle, genesis, roots, epoch, epochs: 0, operator, operators_grant, last, approved };
        let (mut grants, granted) = mesh.grant(mesh.operator.public(), &[Verb::Write, Verb::Operate], "");
        mesh.operators_grant = granted;
        for node in nodes {
            grants.extend(mesh.admit(node));
        }
        mesh.bundle.extend(grants);
        // A scope that nobody has heard of spreads with beacons, not with gossip: measured meshes are past that.
        let last = mesh.last;
        mesh.bundle.extend([NODES_WRITE, OPERATORS_WRITE].map(|scope| mesh.first_write(scope, last.1)));
        mesh
    }

    /// The operator's first write in a scope.
    fn first_write(&self, scope: &str, after: Hlc) -> Arc<Verified> {
        let path: Path = format!("{scope}/founded").parse().unwrap_or_else(|_| panic!("{scope} is no scope"));
        let edits = vec![vec![Edit { at: Vec::new(), op: Op::Put(Value::Bool(true)) }]];
        let statement = Statement {
            scope: path.scope(),
            touches: vec![Touch { path, bases: Vec::new() }],
            ..unsigned(
                self.id(),
                self.operator.public(),
                self.operators_grant,
                after.next().unwrap_or(after),
                Body::Write(Write { edits }),
            )
        };
        Arc::new(sign(statement, &self.operator))
    }

    /// The mesh's name.
    pub fn id(&self) -> MeshId {
        MeshId::from(self.genesis.id())
    }

    /// The grants that make a key a node: member, and writer where nodes write.
    pub fn admit(&mut self, node: PublicKey) -> Vec<Arc<Verified>> {
        [self.grant(node, &[Verb::Member], "").0, self.grant(node, &[Verb::Write], NODES_WRITE).0].concat()
    }

    /// The operator, and the grant that it relies on.
    pub fn operators(&self) -> (PublicKey, StatementId) {
        (self.operator.public(), self.operators_grant)
    }

    /// Lets another key write everywhere, as the operator may; gives the grant.
    pub fn let_write(&mut self, key: PublicKey) -> StatementId {
        let (acts, id) = self.grant(key, &[Verb::Write, Verb::Operate], "");
        self.bundle.extend(acts);
        id
    }

    /// The epoch in force: what root acts name as their grant.
    pub fn epoch(&self) -> StatementId {
        self.epoch
    }

    /// A grant by the roots: what they sign for it, and its id.
    pub fn grant(&mut self, key: PublicKey, verbs: &[Verb], prefix: &str) -> (Vec<Arc<Verified>>, StatementId) {
        self.grant_on(key, verbs, prefix, Terms::default())
    }

    /// The same on terms.
    pub fn grant_on(
        &mut self,
        key: PublicKey,
        verbs: &[Verb],
        prefix: &str,
        terms: Terms,
    ) -> (Vec<Arc<Verified>>, StatementId) {
        let prefix = prefix.parse().unwrap_or_else(|_| Prefix::all());
        let body = Body::from(Grant { key, verbs: verbs.iter().copied().collect(), prefix, scopes: Vec::new(), terms });
        self.root_act(body, &[], 0)
    }

    /// An act of the roots not before a time: the act and the approvals that it needs, and its id. It names bases in `@mesh`.
    pub fn root_act(
        &mut self,
        body: Body,
        bases: &[StatementId],
        not_before_ms: u64,
    ) -> (Vec<Arc<Verified>>, StatementId) {
        let (before, hlc) = self.last;
        let hlc = hlc.next().unwrap_or(hlc).max(Hlc::from_millis(not_before_ms));
        let mut statement = unsigned(self.id(), self.roots[0].public(), self.epoch, hlc, body);
        statement.prev = before.into_iter().collect();
        if !bases.is_empty() {
            let path = "@mesh/named".parse().unwrap_or_else(|_| panic!("no path"));
            statement.touches = vec![Touch { path, bases: bases.to_vec() }];
        }
        let signed = sign(statement, &self.roots[0]);
        let id = signed.id();
        self.last = (Some(id), hlc);
        let mut acts = vec![Arc::new(signed)];
        for (root, last) in self.roots.iter().skip(1).zip(&mut self.approved) {
            let body = Body::from(Approve { scope: Scope::mesh(), id });
            let mesh = MeshId::from(self.genesis.id());
            let mut approval = unsigned(mesh, root.public(), self.epoch, hlc.next().unwrap_or(hlc), body);
            approval.prev = last.iter().copied().collect();
            let approval = Arc::new(sign(approval, root));
            *last = Some(approval.id());
            acts.push(approval);
        }
        (acts, id)
    }

    /// Rotates the root keys: what the old ones sign for it, the rotation first, and what it accepts: all that those signed
    /// who sign it. Root acts are the new keys' from here on.
    pub fn rotate(&mut self, seed: u64, now_ms: u64) -> (Vec<Arc<Verified>>, BTreeSet<StatementId>) {
        self.epochs += 1;
        let count = self.roots.len();
        let roots: Vec<SecretKey> = (0..count)
            .map(|number| SecretKey::from_bytes(secret(seed, "root", self.epochs * count + number)))
            .collect();
        let mut keys: Vec<PublicKey> = roots.iter().map(SecretKey::public).collect();
        keys.sort_unstable();
        let listed: BTreeSet<StatementId> =
            self.last.0.into_iter().chain(self.approved.iter().flatten().copied()).collect();
        let mut frontier = Frontier::nothing();
        listed.iter().for_each(|id| frontier.insert(Scope::mesh(), *id));
        let rotate = Rotate { keys, threshold: count as u64 / 2 + 1, frontier };
        let (acts, rotation) = self.root_act(Body::from(rotate), &[], now_ms);
        (self.roots, self.epoch, self.last.0) = (roots, rotation, None);
        self.approved.fill(None);
        (acts, listed)
    }

    /// A statement of the operator that gives entries the same value, made from what one node knows. `None`: the node
    /// does not know enough, or nothing would change.
    pub fn operate(&self, machine: &Machine, wall_ms: u64, paths: &[Path], change: &Change) -> Option<Verified> {
        let author = self.operator.public();
        let told: Vec<MergedAnswer> =
            paths.iter().map(|path| machine.merged(path, Some(&author)).ok()).collect::<Option<_>>()?;
        let edits: Vec<Vec<Edit>> = told.iter().map(|told| change.edits(told)).collect();
        let after = told.iter().map(|told| told.after).max()?;
        let clock = Hlc::from_millis(wall_ms);
        let touches =
            paths.iter().zip(&told).map(|(path, told)| Touch { path: path.clone(), bases: told.heads.clone() });
        let statement = Statement {
            scope: paths.first()?.scope(),
            grant: told.first()?.grant?,
            prev: told.first()?.prev.clone(),
            touches: touches.collect(),
            ..unsigned(self.id(), author, StatementId::NONE, after.next()?.max(clock), Body::Write(Write { edits }))
        };
        Verified::sign(statement, &self.operator).ok()
    }
}

impl World {
    /// Every disk holds the founding already, as after a restart.
    pub(super) fn found(&mut self) {
        let founding: imbl::Vector<Arc<Verified>> = self.mesh.bundle.iter().cloned().collect();
        let ids: Vec<StatementId> = founding.iter().map(|statement| statement.id()).collect();
        for statement in &founding {
            let made = Made { statement: statement.clone(), at_us: 0, promised: None };
            self.facts.made.insert(statement.id(), made);
        }
        for number in 0..self.case.scenario.nodes {
            self.nodes[number].disk.kept = founding.clone();
            self.nodes[number].disk.floor_ms = START_MS;
            if !self.checks.is_empty() {
                self.facts.durable[number].extend(ids.iter().copied());
                self.look(number, &Seen::Synced(&ids));
            }
        }
    }
}

/// What an operator does to an entry.
pub enum Change {
    /// Puts a whole value, also when it is there already.
    Put(Value),
    /// Raises a counter, or begins one.
    Count(i64),
}

impl Change {
    fn edits(&self, told: &MergedAnswer) -> Vec<Edit> {
        match (self, &told.tree) {
            (Self::Put(value), _) => vec![Edit { at: Vec::new(), op: Op::Put(value.clone()) }],
            (Self::Count(by), Some(driftless_statement::Tree::Counter(_))) => {
                vec![Edit { at: Vec::new(), op: Op::Increment(*by) }]
            }
            (Self::Count(by), None) => vec![Edit { at: Vec::new(), op: Op::Counter(*by) }],
            (Self::Count(by), Some(_)) => diff::diff(told.tree.as_ref(), &Value::Int(i128::from(*by))),
        }
    }
}

pub(super) fn unsigned(mesh: MeshId, author: PublicKey, grant: StatementId, hlc: Hlc, body: Body) -> Statement {
    Statement {
        mesh,
        scope: Scope::mesh(),
        author,
        grant,
        prev: Vec::new(),
        touches: Vec::new(),
        hlc,
        body,
        note: Note::default(),
        unknown: Vec::new(),
    }
}

pub(super) fn sign(statement: Statement, key: &SecretKey) -> Verified {
    Verified::sign(statement, key).unwrap_or_else(|invalid| panic!("the simulator signs what is invalid: {invalid}"))
}
