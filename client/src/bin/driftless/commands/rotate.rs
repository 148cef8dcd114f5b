//! `keys rotate`: the next root keys of the mesh, and what stays of what the old ones said.

use driftless_client::api::EpochInfo;
use driftless_client::clock;
use driftless_statement::{Frontier, PublicKey, Scope, StatementId};

use crate::args::RotateArgs;
use crate::exit::Failure;
use crate::render::{count, revocations};
use crate::session::{Session, note};
use crate::source::Source;

/// Pending statements looked through.
const MOST: u32 = 1000;

pub async fn run(arguments: RotateArgs, session: &Session) -> Result<(), Failure> {
    let mut roots = arguments.roots;
    roots.sort_unstable();
    roots.dedup();
    let least = roots.len() as u64 / 2 + 1;
    let threshold = arguments.threshold.unwrap_or(least);
    if threshold < least || threshold > roots.len() as u64 {
        return Err(Failure::Usage(format!(
            "--threshold {threshold}: of {} at least {least}, at most all",
            count(roots.len(), "root key", "root keys")
        )));
    }
    let source = session.source(&arguments.signing, arguments.dry_run)?;
    let signer = session.signer()?;
    let grants = source.grants(&signer.public()).await?;
    let mesh = source.mesh().await?.0;
    let Some(epoch) = grants.epochs.last().filter(|epoch| epoch.ended_by.is_empty()) else {
        return Err(Failure::Refused(
            "two rotations ended the same epoch: no root act counts any more, and the mesh must be founded anew"
                .to_owned(),
        ));
    };
    let frame = signer.root_frame(mesh, &grants)?;
    sign_only_one(&source, &signer.public(), None).await?;
    let frontier = if arguments.accept_nothing { Frontier::nothing() } else { keeping(epoch) };
    session.out.say(&format!(
        "ends epoch {} ({} of {} root keys), keeping {}; {threshold} of {} root keys follow",
        epoch.id.short(),
        epoch.threshold,
        epoch.roots.len(),
        match frontier.len() {
            0 => "nothing of what it said".to_owned(),
            heads => format!("{} and all they name", count(heads, "act", "acts")),
        },
        roots.len()
    ));
    if let Some(known) = source.known() {
        session.out.say(&super::revoke::accepts_only(&known));
    }
    let now = clock::now_ms();
    let signed = signer.rotate(&frame, roots, threshold, &frontier, &note(&arguments.signing), now)?;
    let preview = source.preview(session.out, &signed).await?;
    super::revoke::check(&preview)?;
    if arguments.dry_run {
        return session.out.show(&preview, |paint| revocations::preview(paint, &preview));
    }
    session.out.say(&revocations::preview(crate::out::Paint::NONE, &preview));
    let ids = session.hand_over(&source, &arguments.signing, &signed).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())?;
    if grants.threshold > 1 {
        session.out.say(&super::revoke::to_be_approved(grants.threshold, ids.last()));
    }
    session.out.say("once it counts everywhere, destroy the old root keys: enough of them in one hand could end the epoch a second time");
    Ok(())
}

/// Refuses to sign a second rotation of an epoch: one that is pending never lapses, and two that count fork the chain of epochs.
pub async fn sign_only_one(source: &Source, key: &PublicKey, about: Option<&StatementId>) -> Result<(), Failure> {
    let list = source.pending(MOST).await?;
    let rotations =
        list.pending.iter().filter(|one| one.statement.kind == "rotate" && about != Some(&one.statement.id));
    let mut signed = rotations.filter(|one| one.wanted.iter().any(|wanted| wanted.by.contains(key)));
    match signed.next() {
        Some(one) => Err(Failure::Refused(format!(
            "this key has signed rotation {} of the same epoch, which is pending and never lapses; if both came to count, no root act would \
             count any more. Have that one approved",
            one.statement.id
        ))),
        None => Ok(()),
    }
}

fn keeping(epoch: &EpochInfo) -> Frontier {
    let mut frontier = Frontier::nothing();
    epoch.heads.iter().for_each(|head| frontier.insert(Scope::mesh(), *head));
    frontier
}
