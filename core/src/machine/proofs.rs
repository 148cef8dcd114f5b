//! Claims that were proven in this process already. Checking a signature gives the same answer each time, so machines that
//! share a process (a simulator, a test) may share what they learned; a node alone keeps nothing and checks everything
//! that its log does not hold. It must not know what becomes of a statement.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use driftless_statement::{Invalid, MeshId, Points, Signed, Statement, StatementId, Verified};

use crate::beacon::{BadBeacon, Beacon, Claim, Proven};

/// Proofs of each kind that are remembered; the oldest give way.
const REMEMBERED: usize = 65_536;

/// What was proven, by the hash of the whole bytes, signature included. The default remembers nothing.
#[derive(Clone, Default)]
pub struct Proofs {
    memory: Option<Arc<Mutex<Both>>>,
    /// Whether what a machine signed counts as proven at once: the very bytes that came out of signing.
    trusts_signing: bool,
}

#[derive(Default)]
struct Both {
    statements: Memory<Verified>,
    beacons: Memory<Proven>,
}

struct Memory<T> {
    proven: BTreeMap<[u8; 32], Arc<T>>,
    order: VecDeque<[u8; 32]>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { proven: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Memory<T> {
    fn note(&mut self, name: [u8; 32], proven: Arc<T>) {
        if self.proven.insert(name, proven).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.proven.remove(&oldest);
        }
    }
}

/// A statement that came in: its signature is checked already, or not yet.
pub(super) enum Claimed {
    /// To be checked.
    Open(Box<Signed>),
    /// Checked before, in these very bytes.
    Proven(Arc<Verified>),
}

impl Claimed {
    pub fn id(&self) -> StatementId {
        match self {
            Self::Open(signed) => signed.id(),
            Self::Proven(verified) => verified.id(),
        }
    }

    pub fn statement(&self) -> &Statement {
        match self {
            Self::Open(signed) => signed.statement(),
            Self::Proven(verified) => verified.statement(),
        }
    }

    /// Refuses a statement of another mesh.
    pub fn check_mesh(&self, want: MeshId) -> Result<(), Invalid> {
        let got = self.statement().belongs_to(self.id());
        if got == want { Ok(()) } else { Err(Invalid::Mesh { got, want }) }
    }
}

impl Proofs {
    /// Proofs to be shared by several machines: every clone knows what one learned.
    pub fn shared() -> Self {
        Self { memory: Some(Arc::default()), trusts_signing: false }
    }

    /// The same, and what one of them signs is not checked again by the others: for simulations of many hours, beside some
    /// in which everything is checked.
    pub fn shared_with_signing() -> Self {
        Self { memory: Some(Arc::default()), trusts_signing: true }
    }

    /// A machine signed a statement.
    pub(super) fn signed(&self, statement: &Arc<Verified>) {
        if self.trusts_signing {
            self.look(|both| both.statements.note(name(statement.wire()), statement.clone()));
        }
    }

    /// A machine signed a beacon.
    pub(super) fn signed_beacon(&self, beacon: Beacon, bytes: &[u8]) {
        if self.trusts_signing {
            self.look(|both| both.beacons.note(name(bytes), Arc::new(Proven::assume(beacon))));
        }
    }

    fn look<T>(&self, look: impl FnOnce(&mut Both) -> T) -> Option<T> {
        self.memory.as_ref()?.lock().ok().map(|mut both| look(&mut both))
    }

    /// Reads a statement's wire bytes.
    pub(super) fn claim(&self, wire: &[u8]) -> Result<Claimed, Invalid> {
        let known = self
            .memory
            .is_some()
            .then(|| name(wire))
            .and_then(|name| self.look(|both| both.statements.proven.get(&name).cloned()).flatten());
        known.map_or_else(
            || Signed::decode(wire).map(|signed| Claimed::Open(Box::new(signed))),
            |proven| Ok(Claimed::Proven(proven)),
        )
    }

    /// Checks the signature, unless that was done.
    pub(super) fn prove(&self, claimed: Claimed, wire: &[u8], points: &mut Points) -> Result<Arc<Verified>, Invalid> {
        match claimed {
            Claimed::Proven(verified) => Ok(verified),
            Claimed::Open(signed) => {
                let verified = Arc::new(signed.verify_with(points)?);
                self.look(|both| both.statements.note(name(wire), verified.clone()));
                Ok(verified)
            }
        }
    }

    /// A beacon that was proven before, in these very bytes.
    pub(super) fn beacon(&self, bytes: &[u8]) -> Option<Arc<Proven>> {
        self.memory.as_ref()?;
        let name = name(bytes);
        self.look(|both| both.beacons.proven.get(&name).cloned()).flatten()
    }

    /// Checks a beacon's signature.
    pub(super) fn prove_beacon(&self, claim: Claim, bytes: &[u8]) -> Result<Arc<Proven>, BadBeacon> {
        let proven = Arc::new(claim.verify()?);
        self.look(|both| both.beacons.note(name(bytes), proven.clone()));
        Ok(proven)
    }
}

fn name(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}
