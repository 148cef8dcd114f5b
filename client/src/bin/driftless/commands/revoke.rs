//! `revoke`: taking authority away, with what that would change shown first.

use driftless_client::api::Preview;
use driftless_client::{clock, sign};
use driftless_statement::{Frontier, Prefix, StatementId};

use crate::args::{RevokeArgs, Until};
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};

pub async fn run(arguments: RevokeArgs, session: &Session) -> Result<(), Failure> {
    let (Some(key), Some(until)) = (arguments.of, arguments.accept_up_to) else {
        let grants = session.client()?.grants(None).await?;
        return session.out.show(&grants.revocations, |paint| render::revocations::list(paint, &grants.revocations));
    };
    let source = session.source(&arguments.signing, arguments.dry_run)?;
    let signer = session.signer()?;
    let grants = source.grants(&signer.public()).await?;
    let mesh = source.mesh().await?.0;
    let frame = signer.revoke_frame(mesh, &grants, &arguments.prefix, clock::now_ms())?;
    let mut said = source.author(&key, at(until)).await?;
    let within = |scope: &Prefix| scope.overlaps(&arguments.prefix) || scope.as_str() == "@mesh";
    said.scopes.retain(|scope| within(&Prefix::from(&scope.scope)));
    let frontier = if until == Until::Never { Frontier::nothing() } else { sign::frontier(&said) };
    session.out.say(&render::revocations::frontier(&said, until == Until::Never));
    if let Some((known, age)) = source.age().filter(|_| until != Until::Never) {
        session.out.say(&accepts_only(&known, &age));
    }
    let signed = signer.revoke(&frame, key, arguments.prefix, &frontier, &note(&arguments.signing), clock::now_ms())?;
    let preview = source.preview(session.out, &signed).await?;
    if arguments.dry_run {
        check(&preview)?;
        return session.out.show(&preview, |paint| render::revocations::preview(paint, &preview));
    }
    session.out.say(&render::revocations::preview(crate::out::Paint::NONE, &preview));
    check(&preview)?;
    let ids = session.hand_over(&source, &arguments.signing, &signed).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())?;
    if grants.roots.contains(&signer.public()) && grants.threshold > 1 {
        session.out.say(&to_be_approved(grants.threshold, ids.last()));
    }
    Ok(())
}

/// What a revocation from an export cannot accept.
pub fn accepts_only(known: &str, age: &str) -> String {
    format!(
        "WARNING: it accepts only what the export holds, up to {known} ({age} ago). All that the key has said since then, good or bad, becomes VOID \
         where it relies on what is struck. To keep it, take a fresh export, or revoke where a node is reached"
    )
}

/// What is left to be done for a root act.
pub fn to_be_approved(threshold: u64, act: Option<&StatementId>) -> String {
    let act = act.map(ToString::to_string).unwrap_or_default();
    format!(
        "it counts when {threshold} root keys have approved it; yours is one. The others run `driftless approve {act}`"
    )
}

fn at(until: Until) -> Option<u64> {
    match until {
        Until::Now | Until::Never => None,
        Until::At(millis) => Some(millis),
        Until::Ago(length) => {
            Some(clock::now_ms().saturating_sub(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
        }
    }
}

/// Refuses when the acts would not count.
pub fn check(preview: &Preview) -> Result<(), Failure> {
    match preview.refused.iter().flatten().next() {
        Some(reason) => Err(Failure::Refused(format!("it would not count: {reason}; nothing was submitted"))),
        None => Ok(()),
    }
}
