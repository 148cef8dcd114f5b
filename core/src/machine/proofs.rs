//! Claims that were proven in this process already. Checking a signature gives the same answer each time, so machines that
//! share a process (a simulator, a test) may share what they learned; a node alone keeps nothing and checks everything
//! that its log does not hold. It must not know what becomes of a statement.

mod image;
pub(super) mod twins;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use driftless_statement::statement::Bytes;
use driftless_statement::{Invalid, MeshId, Points, PublicKey, SecretKey, Signed, Statement, StatementId, Verified};

use self::image::Image;
use self::twins::Twins;
use crate::beacon::{BadBeacon, Beacon, Claim, Proven};

/// Beacons that are remembered; the oldest give way.
const BEACONS: usize = 65_536;
/// Messages with beacons that are remembered.
const TOLD: usize = 4_096;
/// Statements that are remembered: more than any run makes, for where signatures are modelled nothing else proves one.
const STATEMENTS: usize = 4 << 20;

/// What was proven, by the hash of the whole bytes, signature included. The default remembers nothing.
#[derive(Clone, Default)]
pub struct Proofs {
    memory: Option<Arc<Mutex<Both>>>,
    /// Whether signatures are modelled: what a machine signed counts as proven, and nothing else that it did not sign.
    models: bool,
    /// What machines folded, where they do it once for all.
    twins: Option<Arc<Mutex<Twins>>>,
    /// Signatures checked so far, by all that share these proofs.
    checked: Arc<AtomicU64>,
}

/// All that is remembered.
#[derive(Default)]
struct Both {
    statements: Memory<Verified>,
    beacons: Memory<Proven>,
    /// The latest messages that brought beacons, each at the place that its last bytes name: those of a signature. A flood
    /// brings the same bytes to everybody within a second, and to compare them costs less than to hash them.
    told: Vec<Option<(Bytes, Arc<Proven>)>>,
    images: BTreeMap<StatementId, (Vec<Arc<Verified>>, Image)>,
}

/// The latest things of a kind by their names; the oldest give way.
pub(super) struct Memory<T> {
    proven: BTreeMap<[u8; 32], Arc<T>>,
    order: VecDeque<[u8; 32]>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { proven: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Memory<T> {
    pub fn get(&self, name: &[u8; 32]) -> Option<&Arc<T>> {
        self.proven.get(name)
    }

    pub fn note(&mut self, name: [u8; 32], proven: Arc<T>, bound: usize) {
        if self.proven.insert(name, proven).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > bound
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
        Self { memory: Some(Arc::default()), ..Self::default() }
    }

    /// The same with signatures that are modelled: a hash stands in their place, and only what came out of signing here
    /// counts as proven. For simulations of many hours, beside some in which everything is signed and checked. Never for
    /// a node: others would refuse all that it signs.
    pub fn modelled() -> Self {
        Self { memory: Some(Arc::default()), models: true, ..Self::default() }
    }

    /// The same, and machines take over what others of them folded. For large simulations in which nobody looks whether
    /// all fold alike.
    pub fn folding_once(self) -> Self {
        Self { twins: Some(Arc::default()), ..self }
    }

    /// What machines folded, where they do it once for all.
    pub(super) fn twins(&self) -> Option<std::sync::MutexGuard<'_, Twins>> {
        self.twins.as_ref()?.lock().ok()
    }

    /// Signatures that were checked so far: by far the dearest thing that bytes of a stranger can ask for.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Signs a statement, at the latest when it goes to the disk.
    pub(super) fn sign(&self, statement: Statement, key: &Arc<SecretKey>) -> Result<Arc<Verified>, Invalid> {
        if !self.models {
            return Verified::sign_later(statement, key).map(Arc::new);
        }
        let canonical = statement.encode();
        let wire = [canonical.as_slice(), &modelled_signature(&canonical, &key.public())].concat();
        let signed = Signed::decode(&wire)?;
        let id = signed.id();
        let verified = Arc::new(signed.trust_stored(id).ok_or(Invalid::Field("statement"))?);
        self.look(|both| both.statements.note(name(&wire), verified.clone(), STATEMENTS));
        Ok(verified)
    }

    /// Signs a beacon: its bytes.
    pub(super) fn sign_beacon(&self, beacon: Beacon, key: &SecretKey) -> Result<Vec<u8>, BadBeacon> {
        if !self.models {
            return beacon.sign(key);
        }
        let canonical = beacon.to_bytes();
        let bytes = [canonical.as_slice(), &modelled_signature(&canonical, &beacon.node)].concat();
        self.look(|both| both.beacons.note(name(&bytes), Arc::new(Proven::assume(beacon)), BEACONS));
        Ok(bytes)
    }

    /// Whether other machines may know what this one learned.
    pub(super) fn is_shared(&self) -> bool {
        self.memory.is_some()
    }

    /// The image of a run of `@mesh` statements.
    pub(super) fn image(&self, name: &StatementId) -> Option<Image> {
        self.look(|both| both.images.get(name).map(|(_, image)| image.clone())).flatten()
    }

    /// The name of a run of statements of which there is an image: these very ones, not only such as are equal.
    pub(super) fn image_name(&self, statements: &[Arc<Verified>]) -> Option<StatementId> {
        let are_these = |known: &Vec<Arc<Verified>>| {
            known.len() == statements.len() && known.iter().zip(statements).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let look = |both: &mut Both| both.images.iter().find(|(_, (known, _))| are_these(known)).map(|(name, _)| *name);
        self.look(look).flatten()
    }

    /// Keeps an image and what it is of, instead of any before it: a mesh is founded once.
    pub(super) fn keep_image(&self, name: StatementId, statements: Vec<Arc<Verified>>, image: Image) {
        self.look(|both| both.images = BTreeMap::from([(name, (statements, image))]));
    }

    /// The beacon that this very message brought before.
    pub(super) fn told(&self, message: &Bytes) -> Option<Arc<Proven>> {
        let look = |both: &mut Both| {
            let (known, proven) = both.told.get(told_place(message))?.as_ref()?;
            (known == message).then(|| proven.clone())
        };
        self.look(look).flatten()
    }

    /// A message brought a proven beacon.
    pub(super) fn note_told(&self, message: &Bytes, proven: &Arc<Proven>) {
        self.look(|both| {
            both.told.resize(TOLD, None);
            if let Some(place) = both.told.get_mut(told_place(message)) {
                *place = Some((message.clone(), proven.clone()));
            }
        });
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
                self.checked.fetch_add(1, Ordering::Relaxed);
                let verified = Arc::new(signed.verify_with(points)?);
                self.look(|both| both.statements.note(name(wire), verified.clone(), STATEMENTS));
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
        self.checked.fetch_add(1, Ordering::Relaxed);
        let proven = Arc::new(claim.verify()?);
        self.look(|both| both.beacons.note(name(bytes), proven.clone(), BEACONS));
        Ok(proven)
    }
}

fn told_place(message: &[u8]) -> usize {
    message.last_chunk().map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes))) % TOLD
}

fn name(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn modelled_signature(message: &[u8], key: &PublicKey) -> [u8; 64] {
    let mut signature = [0; 64];
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 modelled signature v1");
    hasher.update(key.as_bytes()).update(message).finalize_xof().fill(&mut signature);
    signature
}
