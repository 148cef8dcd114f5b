//! The decoder of statements: what every byte from another node, a file or a client passes first.

use driftless_statement::statement::Invalid;
use driftless_statement::{Body, Signed, Statement, StatementId, codec, limits};

use crate::reference;

/// Law: decoding is the exact inverse of encoding; what is decoded keeps every limit, has the id of its bytes, is not later
/// than itself, and is proven by no signature of zeros.
pub fn statement(data: &[u8]) {
    check(data);
    if let Some(item) = reference::sloppy(data) {
        check(&codec::encode(&item));
    }
}

fn check(canonical: &[u8]) {
    let Ok(said) = Statement::decode(canonical) else { return };
    assert_eq!(said.encode(), canonical);
    let wire = [canonical, &[0; 64]].concat();
    let signed = Signed::decode(&wire).expect("what decodes, decodes with a signature behind it");
    let id = StatementId::of(canonical);
    assert_eq!((signed.id(), Signed::id_of(&wire), signed.statement()), (id, Some(id), &said));
    assert!(matches!(said.check_named(id, &said), Err(Invalid::NotLater { .. })));
    bounded(&said);
    // Costs as much as everything else together.
    if canonical.last() == Some(&0) {
        assert!(signed.verify().is_err(), "a signature of zeros");
    }
}

fn bounded(said: &Statement) {
    let names = said.names();
    assert!(names.is_sorted_by(|a, b| a < b));
    assert!(names.len() <= 1 + limits::PREV + limits::TOUCHES * limits::BASES);
    assert!(said.prev.len() <= limits::PREV && said.touches.len() <= limits::TOUCHES);
    for touch in &said.touches {
        assert!(touch.path.as_str().len() <= limits::PATH_BYTES && touch.path.scope() == said.scope);
        assert_eq!(said.bases_of(&touch.path), Some(touch.bases.as_slice()));
        assert!(touch.bases.len() <= limits::BASES);
    }
    match &said.body {
        Body::Write(write) => {
            assert_eq!(write.edits.len(), said.touches.len());
            assert!(write.edits.iter().map(Vec::len).sum::<usize>() <= limits::EDITS);
            assert!(write.edits.iter().flatten().all(|edit| edit.at.len() <= limits::POINTER_STEPS));
        }
        Body::Genesis(genesis) => {
            let keys = genesis.keys.len() as u64;
            assert!(genesis.threshold <= keys && genesis.threshold * 2 > keys && said.names().is_empty());
        }
        Body::Unknown { .. } => assert!(said.is_unknown()),
        body => assert!(!body.is_trust() || said.scope.is_mesh()),
    }
}
