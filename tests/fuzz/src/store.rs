//! What the store reads back from the disk: records of statements, and its state.

use driftless_statement::{MeshId, Signed, StatementId};

use crate::script::Script;
use crate::tables::{RECORD_HEAD, State, read_record};

/// Law: a record is taken only when it is, byte for byte, what was stored, and no changed byte goes unseen; a state is
/// taken only when it is what was written.
pub fn store(data: &[u8]) {
    let mut script = Script(data);
    let (at, change) = (usize::from(script.byte()) << 8 | usize::from(script.byte()), script.byte());
    drop(read_record(data, MeshId([1; 32])));
    state(script.0);
    record(script.0, at, change);
}

/// A state out of the input's bytes: it comes back, and changed it does not.
fn state(bytes: &[u8]) {
    if let Some(state) = State::decode(bytes) {
        assert_eq!(state.encode(), bytes);
    }
    let mut script = Script(bytes);
    let mut mesh = [0; 32];
    mesh.iter_mut().for_each(|slot| *slot = script.byte());
    let (boot, floor_ms, count) = (script.word(), script.word(), script.word());
    let state = State { mesh: MeshId(mesh), store_id: script.word().to_be_bytes(), boot, floor_ms, count };
    let mut written = state.encode();
    assert_eq!(State::decode(&written), Some(state));
    let at = usize::from(script.byte()) % written.len();
    written[at] ^= script.byte().max(1);
    assert_eq!(State::decode(&written), None);
}

/// A record around the input's bytes with the right hashes: taken exactly when a statement of this mesh is inside.
fn record(wire: &[u8], at: usize, change: u8) {
    let Some((canonical, _)) = wire.split_last_chunk::<64>() else { return };
    let id = StatementId::of(canonical);
    let mut record = [id.as_bytes().as_slice(), blake3::hash(wire).as_bytes(), wire].concat();
    let claimed = Signed::decode(wire);
    let mesh = claimed.as_ref().map_or(MeshId([1; 32]), |claimed| claimed.statement().belongs_to(id));
    let read = read_record(&record, mesh);
    assert_eq!(read.is_ok(), claimed.is_ok());
    if let Ok(read) = read {
        assert_eq!((read.id(), read.wire().as_ref()), (id, wire));
        assert!(read_record(&record, MeshId([0xee; 32])).is_err(), "of another mesh");
    }
    let at = at % record.len();
    record[at] ^= change.max(1);
    assert!(read_record(&record, mesh).is_err(), "byte {at} of {RECORD_HEAD} + {}", wire.len());
}
