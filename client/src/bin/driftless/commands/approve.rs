//! `pending` and `approve`: what waits for signatures and approvals, and giving one.

use driftless_client::api::StatementInfo;
use driftless_client::error::ClientError;
use driftless_client::{Client, clock};
use driftless_statement::{Body, Prefix, Scope, Signed, Statement, StatementId};

use crate::args::NoteArgs;
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};

pub async fn pending(session: &Session, prefix: &Prefix, limit: u32) -> Result<(), Failure> {
    let list = session.client()?.pending(prefix, limit).await?;
    session.out.show(&list, |paint| render::pending::list(paint, &list, render::Now::here()))
}

/// Approves a write, or adds a root key's signature to a root act.
pub async fn approve(session: &Session, id: StatementId, given: &NoteArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let signer = session.signer()?;
    let held = said(&client, &id).await?;
    let grants = client.grants(Some(&signer.public())).await?;
    let mesh = client.status().await?.mesh;
    let now = clock::now_ms();
    let (frame, scope) = match &held {
        Some((write, info)) if matches!(write.body, Body::Write(_)) => {
            if write.author == signer.public() {
                return Err(Failure::Refused(format!(
                    "{} is this key's own write; its author never counts among the approvers",
                    id.short()
                )));
            }
            session.out.say(&render::pending::approved(info));
            let paths: Vec<_> = write.touches.iter().map(|touch| touch.path.clone()).collect();
            (signer.approve_frame(mesh, &grants, &paths, now)?, write.scope.clone())
        }
        Some((act, info)) if act.grant == grants.epoch => {
            if matches!(act.body, Body::Rotate(_)) {
                super::rotate::sign_only_one(&client, &signer.public(), Some(&id)).await?;
            }
            session.out.say(&render::pending::approved(info));
            (signer.root_frame(mesh, &grants)?, Scope::mesh())
        }
        Some((_, info)) => {
            return Err(Failure::Refused(format!(
                "{} is a {} that needs no approval: only writes and acts of the epoch in force do",
                id.short(),
                info.kind
            )));
        }
        // A root act may be signed before it is here.
        None => (signer.root_frame(mesh, &grants)?, Scope::mesh()),
    };
    let signed = signer.approve(&frame, scope, id, note(given), now)?;
    let ids = session.hand_over(&client, &[signed]).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())
}

/// A statement as it was signed, and in words; `None`: the node does not hold it.
async fn said(client: &Client, id: &StatementId) -> Result<Option<(Statement, StatementInfo)>, Failure> {
    let wire = match client.statement(id).await {
        Ok(wire) => wire,
        Err(ClientError::Problem(problem)) if problem.status == 404 => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let signed = Signed::decode(&wire).map_err(|invalid| Failure::Unreachable(invalid.to_string()))?;
    Ok(Some((signed.statement().clone(), client.change(id).await?.statement)))
}
