//! Beacons: what nodes say about themselves, and what a node makes of it.

use std::sync::Arc;

use driftless_core::beacon::{BEACON_EXPIRY_MAX_MS, BEACON_SCOPES, Beacon, Claim, Divergence, Own, Proven};
use driftless_core::now::Now;
use driftless_statement::{MeshId, PublicKey, codec, limits};

use crate::reference;
use crate::script::Script;

const MESH: MeshId = MeshId([1; 32]);
const ME: PublicKey = PublicKey([2; 32]);

/// Law: decoding is the exact inverse of encoding; a beacon is heard only when it is new, holds and is not from the future;
/// and never twice. The first eight bytes are the clock.
pub fn beacon(data: &[u8]) {
    let mut script = Script(data);
    let now_ms = script.word();
    check(script.0, now_ms);
    if let Some(item) = reference::sloppy(script.0) {
        check(&[codec::encode(&item).as_slice(), &[0; 64]].concat(), now_ms);
    }
}

fn check(bytes: &[u8], now_ms: u64) {
    let Ok(claim) = Claim::decode(bytes) else { return };
    let said = claim.beacon().clone();
    assert_eq!(said.to_bytes(), bytes[..bytes.len() - 64]);
    assert!(said.scopes.len() <= BEACON_SCOPES && said.scopes.is_sorted_by(|a, b| a.scope < b.scope));
    assert!(!said.name.chars().any(char::is_control));
    heard(Beacon { mesh: MESH, ..said }, now_ms);
}

fn heard(said: Beacon, now_ms: u64) {
    let mut divergence = Divergence::new(ME, MESH, 30_000);
    divergence.expect(0, Arc::new([ME, said.node].into_iter().collect()));
    let own = Own { time_ms: now_ms, lag_ms: 0, scopes: said.scopes.clone() };
    divergence.own(now_ms, own);
    let now = Now { mono_ms: 1, wall_ms: now_ms };
    let allowed = divergence.check(now_ms, &said);
    let proven = Arc::new(Proven::assume(said.clone()));
    assert_eq!(divergence.hear(now, &proven), allowed);
    if allowed.is_ok() {
        assert!(said.node != ME && said.time_ms <= now_ms.saturating_add(limits::SKEW_MS));
        assert!(said.expires_ms - said.time_ms <= BEACON_EXPIRY_MAX_MS && said.expires_ms >= said.time_ms);
        assert!(divergence.hear(now, &proven).is_err(), "the same beacon twice");
    }
    let picture = divergence.picture(now);
    assert_eq!(picture, divergence.picture(now));
}
