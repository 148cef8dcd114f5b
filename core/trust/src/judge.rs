//! The rules that let a statement in: each a function of the statement and of what is settled above it, nothing else.
//! The cost follows the entries touched; it does not grow with the number of grants beyond one ordered look-up.

use driftless_statement::{Approve, Body, Prefix, Statement, Verb, Verified, limits};

use super::accepted::Accepted;
use super::demand;
use super::epoch::Epoch;
use super::grant::Standing;
use super::rank::Settled;
use super::refusal::Refusal;
use super::revoke::Revocation;

/// Whether the trust rules let a statement in. `accepted`: by revocations, outside of `@mesh`. Gives back the grant it relies on;
/// `None` for what relies on an epoch.
pub(super) fn admissible<'a>(
    settled: &'a Settled,
    verified: &Verified,
    accepted: &Accepted,
) -> Result<Option<&'a Standing>, Refusal> {
    let statement = verified.statement();
    if verified.id() == settled.genesis {
        return Ok(None);
    }
    if statement.mesh != settled.mesh() {
        return Err(Refusal::OtherMesh { got: statement.belongs_to(verified.id()) });
    }
    let Some(standing) = but_for_revocations(settled, verified)? else { return Ok(None) };
    not_struck(settled, standing, verified, accepted).map(|()| Some(standing))
}

/// Whether no revocation makes a statement void that is sound but for them.
fn not_struck(settled: &Settled, standing: &Standing, verified: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
    let concerns = |one: &Revocation| one.concerns_on(standing, verified.statement());
    let strikes = |one: &&Revocation| concerns(one) && !settled.accepts(&one.id, verified, accepted);
    match settled.struck(&standing.id).find(strikes) {
        Some(revocation) => Err(Refusal::Struck { grant: standing.id, revocation: revocation.id }),
        None => Ok(()),
    }
}

/// The same as [`admissible`] for a statement that counted before, on whatever was settled then. What it and its grant say
/// never changes, nor what the grants above that one say, so it is not asked again whether they fit.
pub(super) fn admissible_again(settled: &Settled, verified: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
    match settled.grants.get(&verified.statement().grant).filter(|standing| standing.is_authorised()) {
        Some(standing) => not_struck(settled, standing, verified, accepted),
        None => admissible(settled, verified, accepted).map(drop),
    }
}

/// The same as [`authorised`] for a statement that counted before, on whatever was settled then.
pub(super) fn authorised_again(settled: &Settled, verified: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
    let standing = settled.grants.get(&verified.statement().grant).filter(|standing| standing.is_authorised());
    match (&verified.statement().body, standing) {
        (Body::Write(write), Some(standing)) if settled.fold_version <= limits::FOLD_VERSION => {
            not_struck(settled, standing, verified, accepted)?;
            demand::met(settled, standing, verified, write)
        }
        _ => authorised(settled, verified, accepted),
    }
}

/// Whether the rules let a statement in, those about revocations apart.
pub(super) fn but_for_revocations<'a>(
    settled: &'a Settled,
    verified: &Verified,
) -> Result<Option<&'a Standing>, Refusal> {
    let statement = verified.statement();
    if let Some(epoch) = settled.chain.get(&statement.grant) {
        return by_root(epoch, verified).map(|()| None);
    }
    let standing = relied_on(settled, statement)?;
    if let Some(not_after_ms) = standing.not_after_ms.filter(|latest| statement.hlc.millis() > *latest) {
        return Err(Refusal::Expired { grant: standing.id, not_after_ms });
    }
    by_grant(standing, statement).map(|()| Some(standing))
}

/// Whether it is let in, has all the signatures and approvals it needs, and is understood.
pub(super) fn authorised(settled: &Settled, verified: &Verified, accepted: &Accepted) -> Result<(), Refusal> {
    if settled.fold_version > limits::FOLD_VERSION {
        return Err(Refusal::FoldVersion { mesh: settled.fold_version, node: limits::FOLD_VERSION });
    }
    let standing = admissible(settled, verified, accepted)?;
    let statement = verified.statement();
    if statement.is_unknown() {
        return Err(Refusal::Unknown);
    }
    match (&statement.body, standing) {
        (Body::Grant(_) | Body::Revoke(_) | Body::Rotate(_), None) => {
            match settled.signatures(&verified.id(), statement).filter(|signatures| !signatures.complete()) {
                Some(signatures) => Err(Refusal::Pending { have: signatures.have, need: signatures.need }),
                None => Ok(()),
            }
        }
        (Body::Write(write), Some(standing)) => demand::met(settled, standing, verified, write),
        _ => Ok(()),
    }
}

/// What relies on an epoch: root acts and the approvals of root acts. A root act that lacks signatures is let
/// in all the same, since the other root keys must see it to sign it. A write is none: whoever holds root keys gives
/// a working key a grant for it, so that root keys can stay offline.
fn by_root(epoch: &Epoch, verified: &Verified) -> Result<(), Refusal> {
    let statement = verified.statement();
    if !epoch.is_root(&statement.author) {
        return Err(Refusal::NotRoot { epoch: epoch.id() });
    }
    match &statement.body {
        Body::Grant(_) | Body::Approve(_) | Body::Revoke(_) | Body::Accept(_) | Body::Rotate(_) => {}
        Body::Unknown { .. } if statement.scope.is_mesh() => {}
        Body::Unknown { .. } | Body::Write(_) | Body::Genesis(_) => {
            return Err(Refusal::NotRootAct { kind: statement.body.word(), scope: statement.scope.clone() });
        }
    }
    match epoch.superseded_by(&verified.id()).filter(|_| !epoch.is_about_rotation(&statement.body)) {
        Some(rotation) => Err(Refusal::Superseded { epoch: epoch.id(), rotation }),
        None => Ok(()),
    }
}

/// The grant that a statement relies on: it stands, is not pending, and was given to the statement's author.
fn relied_on<'a>(settled: &'a Settled, statement: &Statement) -> Result<&'a Standing, Refusal> {
    let grant = statement.grant;
    let standing = settled.grants.get(&grant).ok_or_else(|| no_such_grant(settled, statement))?;
    match standing.signatures {
        Some(signatures) if !signatures.complete() => {
            Err(Refusal::GrantPending { grant, have: signatures.have, need: signatures.need })
        }
        _ if standing.grant.key != statement.author => Err(Refusal::NotGrantee { grant, grantee: standing.grant.key }),
        _ => Ok(standing),
    }
}

/// Why what a statement relies on is neither a grant that stands nor an epoch.
fn no_such_grant(settled: &Settled, statement: &Statement) -> Refusal {
    let grant = statement.grant;
    if settled.chain.is_forked_off(&grant) {
        return Refusal::Forked { epoch: grant };
    }
    let rotated = settled.chain.rotated(&grant);
    let signatures = rotated.and_then(|epoch| epoch.rotations().find(|(id, _)| **id == grant));
    match signatures {
        Some((_, signatures)) => Refusal::EpochPending { epoch: grant, have: signatures.have, need: signatures.need },
        None => Refusal::NoSuchGrant { grant },
    }
}

/// Paths that a trust body touches only name statements: they put nothing there, so they need not be covered.
fn by_grant(standing: &Standing, statement: &Statement) -> Result<(), Refusal> {
    let touched = || statement.touches.iter().map(|touch| &touch.path);
    match &statement.body {
        Body::Write(_) => {
            standing.need(if statement.scope.is_mesh() { Verb::Operate } else { Verb::Write })?;
            standing.covers(touched())
        }
        Body::Grant(grant) => standing.may_issue(grant),
        Body::Approve(approve) => may_approve(standing, approve),
        Body::Revoke(revoke) => standing.may_revoke(revoke),
        Body::Accept(_) => standing.need(Verb::Revoke),
        // Which verb an unknown kind will need is not known, so any will do; it never counts here.
        Body::Unknown { .. } if touched().next().is_some() => standing.covers(touched()),
        Body::Unknown { .. } if statement.scope.is_mesh() => Ok(()),
        Body::Unknown { .. } => speaks_in(standing, &statement.scope),
        Body::Genesis(_) | Body::Rotate(_) => Err(Refusal::NotEpoch { grant: statement.grant }),
    }
}

/// The approved statement is a mark and need not be held, so all that can be asked is that the grant covers something
/// in its scope.
fn may_approve(standing: &Standing, approve: &Approve) -> Result<(), Refusal> {
    standing.need(Verb::Approve)?;
    speaks_in(standing, &approve.scope)
}

fn speaks_in(standing: &Standing, scope: &driftless_statement::Scope) -> Result<(), Refusal> {
    let prefix = &standing.grant.prefix;
    if prefix.overlaps(&Prefix::from(scope)) {
        Ok(())
    } else {
        Err(Refusal::OutsideScope { scope: scope.clone(), prefix: prefix.clone() })
    }
}
