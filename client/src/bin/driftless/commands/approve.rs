//! `pending` and `approve`: what waits for signatures and approvals, and giving one.

use driftless_client::clock;
use driftless_statement::{Body, Prefix, Scope, StatementId};

use crate::args::SigningArgs;
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};

pub async fn pending(session: &Session, prefix: &Prefix, limit: u32) -> Result<(), Failure> {
    let list = session.client()?.pending(prefix, limit).await?;
    session.out.show(&list, |paint| render::pending::list(paint, &list, render::Now::here()))
}

/// Approves a write, or adds a root key's signature to a root act.
pub async fn approve(session: &Session, id: StatementId, given: &SigningArgs) -> Result<(), Failure> {
    let source = session.source(given, false)?;
    let signer = session.signer()?;
    let held = source.said(&id).await?;
    let grants = source.grants(&signer.public()).await?;
    let mesh = source.mesh().await?.0;
    let now = clock::now_ms();
    let (frame, scope) = match &held {
        Some(write) if matches!(write.body, Body::Write(_)) => {
            if write.author == signer.public() {
                return Err(Failure::Refused(format!(
                    "{} is this key's own write; its author never counts among the approvers",
                    id.short()
                )));
            }
            session.out.say(&render::pending::approved(write));
            let paths: Vec<_> = write.touches.iter().map(|touch| touch.path.clone()).collect();
            (signer.approve_frame(mesh, &grants, &paths, now)?, write.scope.clone())
        }
        Some(act) if act.grant == grants.epoch => {
            if matches!(act.body, Body::Rotate(_)) {
                super::rotate::sign_only_one(&source, &signer.public(), Some(&id)).await?;
            }
            session.out.say(&render::pending::approved(act));
            (signer.root_frame(mesh, &grants)?, Scope::mesh())
        }
        Some(other) => {
            return Err(Failure::Refused(format!(
                "{} is a {} that needs no approval: only writes and acts of the epoch in force do",
                id.short(),
                other.body.word()
            )));
        }
        // What is not seen is not signed unawares.
        None => {
            let cure = match given.from.is_empty() {
                true => {
                    "the node does not have it: ask another one (--endpoint), or give the file that has it with --from"
                }
                false => "it is in none of the files of --from; add the bundle that has it",
            };
            return Err(Failure::NotFound(format!("{id}: {cure}, so that what is approved is seen")));
        }
    };
    let signed = signer.approve(&frame, scope, id, note(given), now)?;
    let ids = session.hand_over(&source, given, &[signed]).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())
}
