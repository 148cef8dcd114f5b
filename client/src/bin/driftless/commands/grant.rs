//! `grant`: giving keys verbs, and listing what was given.

use driftless_client::api::RevocationInfo;
use driftless_client::{Client, clock};
use driftless_statement::{Grant, Prefix, StatementId, Verb};

use crate::args::GrantArgs;
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};

pub async fn run(arguments: GrantArgs, session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let (Some(key), Some(verbs), Some(prefix)) = (arguments.to, arguments.verbs, arguments.prefix) else {
        let grants = client.grants(None).await?;
        return session.out.show(&grants, |paint| render::grants::grants(paint, &grants));
    };
    let mut scopes = arguments.scopes;
    scopes.sort();
    scopes.dedup();
    let grant = Grant { key, verbs: verbs.0, prefix, scopes, terms };
    if !grant.scopes.is_empty() && !grant.verbs.contains(&Verb::Member) {
        return Err(Failure::Usage(
            "--scopes goes with the verb member: it names the scopes that a node may hold".to_owned(),
        ));
    }
    issue(session, &client, grant, arguments.again, &arguments.note).await
}

async fn issue(
    session: &Session,
    client: &Client,
    grant: Grant,
    again: bool,
    given: &crate::args::NoteArgs,
) -> Result<(), Failure> {
    let signer = session.signer()?;
    let grants = client.grants(Some(&signer.public())).await?;
    let mesh = client.status().await?.mesh;
    let frame = signer.grant_frame(mesh, &grants, &grant)?;
    let takes = |one: &&RevocationInfo| {
        let overlaps = one.prefix.parse().is_ok_and(|prefix: Prefix| prefix.overlaps(&grant.prefix));
        one.key == grant.key && one.state == "authorised" && overlaps
    };
    let revocations: Vec<StatementId> = grants.revocations.iter().filter(takes).map(|one| one.id).collect();
    if let Some(first) = revocations.first().filter(|_| !again) {
        return Err(Failure::Refused(format!(
            "{} was revoked there by {}: the grant would be struck. Give --again to give back what was taken",
            grant.key,
            first.short()
        )));
    }
    let signed = signer.grant(&frame, grant, &revocations, note(given), clock::now_ms())?;
    let ids = session.hand_over(client, &[signed]).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())?;
    if grants.roots.contains(&signer.public()) && grants.threshold > 1 {
        session.out.say(&super::revoke::to_be_approved(grants.threshold, ids.last()));
    }
    Ok(())
}
