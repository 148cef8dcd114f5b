//! The store's tables and the bytes in them. Every record carries hashes of its own, so that what redb believes never
//! has to be believed.

use driftless_statement::{Invalid, MeshId, Signed, StatementId, Verified};
use redb::TableDefinition;

/// Version of the tables below. A store with a greater one is refused.
pub const FORMAT: u64 = 1;

/// Small things by name. Its shape never changes, so that every version can read `format`.
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Statements by number, in the order in which they were stored.
pub(super) const STATEMENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("statements");

/// Name of the format version in [`META`]: eight bytes, big-endian, in every version.
pub(super) const FORMAT_NAME: &str = "format";
/// Name of the [`State`] in [`META`].
pub(super) const STATE_NAME: &str = "state";

const HASH: usize = 32;
const STATE: usize = 32 + 8 + 8 + 8 + 8;
/// Bytes that a record has before the statement's own: its id, and a hash over its wire bytes.
pub(super) const RECORD_HEAD: usize = 2 * HASH;

/// What a store knows beside its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Whose statements.
    pub mesh: MeshId,
    /// Random name of the store.
    pub store_id: [u8; 8],
    /// How often it was opened.
    pub boot: u64,
    /// The time floor in milliseconds; never goes back.
    pub floor_ms: u64,
    /// How many statements it holds.
    pub count: u64,
}

impl State {
    /// The bytes, closed by their own hash: a damaged floor would make statements due that are not.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE + HASH);
        bytes.extend_from_slice(self.mesh.as_bytes());
        bytes.extend_from_slice(&self.store_id);
        for number in [self.boot, self.floor_ms, self.count] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads [`State::encode`]'s bytes; `None` when they are not exactly such.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, hash) = bytes.split_at_checked(STATE)?;
        if blake3::hash(body).as_bytes() != hash {
            return None;
        }
        let (mesh, body) = body.split_first_chunk::<32>()?;
        let (store_id, body) = body.split_first_chunk::<8>()?;
        let (boot, body) = body.split_first_chunk::<8>()?;
        let (floor_ms, count) = body.split_first_chunk::<8>()?;
        Some(Self {
            mesh: MeshId(*mesh),
            store_id: *store_id,
            boot: u64::from_be_bytes(*boot),
            floor_ms: u64::from_be_bytes(*floor_ms),
            count: u64::from_be_bytes(count.try_into().ok()?),
        })
    }
}

/// Why a record is not what was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRecord {
    #[error("shorter than its own hashes")]
    Short,
    /// The signature is not part of the id, so a flipped bit in it shows only here.
    #[error("its bytes do not have the hash stored with them")]
    Hash,
    #[error("its bytes are no valid statement: {0}")]
    Invalid(#[from] Invalid),
    #[error("its bytes are another statement than {0}")]
    Id(StatementId),
}

/// A statement as a record: id, hash over the wire bytes, wire bytes.
pub(super) fn write_record(statement: &Verified) -> Vec<u8> {
    let wire = statement.wire();
    [statement.id().as_bytes().as_slice(), blake3::hash(&wire).as_bytes(), &wire].concat()
}

/// The id that a record claims.
pub(super) fn claimed_id(record: &[u8]) -> Option<StatementId> {
    record.first_chunk::<HASH>().map(|id| StatementId(*id))
}

/// A record as a statement, if it is exactly what [`write_record`] wrote.
pub(super) fn read_record(record: &[u8], mesh: MeshId) -> Result<Verified, BadRecord> {
    let id = claimed_id(record).ok_or(BadRecord::Short)?;
    let (head, wire) = record.split_at_checked(RECORD_HEAD).ok_or(BadRecord::Short)?;
    if head.last_chunk::<HASH>() != Some(blake3::hash(wire).as_bytes()) {
        return Err(BadRecord::Hash);
    }
    let signed = Signed::decode(wire)?;
    signed.check_mesh(mesh)?;
    signed.trust_stored(id).ok_or(BadRecord::Id(id))
}

#[cfg(test)]
mod tests {
    use driftless_statement::{Body, Genesis, Hlc, Note, Scope, SecretKey, Statement};

    use super::*;

    fn genesis() -> Verified {
        let key = SecretKey::from_bytes([1; 32]);
        let founding = Genesis { keys: vec![key.public()], threshold: 1, fold_version: 1, name: "records".to_owned() };
        let statement = Statement {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            author: key.public(),
            grant: StatementId::NONE,
            prev: Vec::new(),
            touches: Vec::new(),
            hlc: Hlc(1),
            body: Body::from(founding),
            note: Note::default(),
            unknown: Vec::new(),
        };
        Verified::sign(statement, &key).unwrap()
    }

    /// Each byte of a record changed, id, hash, statement and signature: none is taken, and the hash alone finds those of
    /// the wire bytes.
    #[test]
    fn no_changed_byte_goes_unseen() {
        let genesis = genesis();
        let mesh = MeshId::from(genesis.id());
        let record = write_record(&genesis);
        assert_eq!(read_record(&record, mesh).unwrap().wire(), genesis.wire());
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            let bad = read_record(&changed, mesh).unwrap_err();
            assert!(at < HASH || bad == BadRecord::Hash, "byte {at}: {bad}");
        }
        assert!((0..record.len()).all(|len| read_record(&record[..len], mesh).is_err()));
    }

    #[test]
    fn a_record_of_another_mesh_is_refused() {
        let record = write_record(&genesis());
        assert!(matches!(read_record(&record, MeshId([9; 32])), Err(BadRecord::Invalid(Invalid::Mesh { .. }))));
    }

    #[test]
    fn no_changed_byte_of_the_state_goes_unseen() {
        let state = State { mesh: MeshId([1; 32]), store_id: [2; 8], boot: 3, floor_ms: 4, count: 5 };
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Some(state));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(State::decode(&changed), None, "byte {at}");
        }
        assert!((0..bytes.len()).all(|len| State::decode(&bytes[..len]).is_none()));
    }
}
