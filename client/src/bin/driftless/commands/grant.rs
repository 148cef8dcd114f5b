//! `grant`: giving keys verbs, and listing what was given.

use driftless_client::api::RevocationInfo;
use driftless_client::clock;
use driftless_statement::{Grant, Prefix, StatementId, Terms, Verb};

use super::role;
use crate::args::GrantArgs;
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};
use crate::source::Source;

pub async fn run(arguments: GrantArgs, session: &Session) -> Result<(), Failure> {
    let Some(key) = arguments.to else {
        let grants = session.client()?.grants(None).await?;
        return session.out.show(&grants, |paint| render::grants::grants(paint, &grants));
    };
    let source = session.source(&arguments.signing, false)?;
    let given = match (&arguments.role, arguments.verbs, arguments.prefix) {
        (Some(role), _, _) => role::given(&source, role).await?,
        (None, Some(verbs), Some(prefix)) => {
            role::Given { verbs: verbs.0, prefix, scopes: Vec::new(), terms: Terms::default() }
        }
        _ => return Err(Failure::Usage("name verbs and a prefix, or a role with --role".to_owned())),
    };
    let mut scopes = if arguments.scopes.is_empty() { given.scopes } else { arguments.scopes };
    scopes.sort();
    scopes.dedup();
    let terms = arguments.terms.over(given.terms);
    let grant = Grant { key, verbs: given.verbs, prefix: given.prefix, scopes, terms };
    warn(session, &grant);
    let for_members = !grant.scopes.is_empty() || !grant.terms.labels.is_empty();
    if for_members && !grant.verbs.contains(&Verb::Member) {
        return Err(Failure::Usage(
            "--scopes and --label go with the verb member: they say what a node may hold, and what it is".to_owned(),
        ));
    }
    issue(session, &source, grant, arguments.again, &arguments.signing).await
}

/// Says what the terms of a grant cannot do, or can never do.
fn warn(session: &Session, grant: &Grant) {
    let (terms, member) = (&grant.terms, grant.verbs.contains(&Verb::Member));
    if terms.not_after_ms.is_some() && member {
        session.out.say("warning: a membership does not end by --not-after; revoke it when the node has to go");
    }
    for demand in [&terms.demands.writes, &terms.demands.deletes].into_iter().flatten() {
        if demand.of.contains(&grant.key) && demand.of.len() as u64 == demand.approvals {
            session.out.say("warning: its own key is among the approvers and never counts for its writes, so they would stay pending");
        }
    }
}

async fn issue(
    session: &Session,
    source: &Source,
    grant: Grant,
    again: bool,
    given: &crate::args::SigningArgs,
) -> Result<(), Failure> {
    let signer = session.signer()?;
    let grants = source.grants(&signer.public()).await?;
    let mesh = source.mesh().await?.0;
    let frame = signer.grant_frame(mesh, &grants, &grant, clock::now_ms())?;
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
    let ids = session.hand_over(source, given, &[signed]).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())?;
    if grants.roots.contains(&signer.public()) && grants.threshold > 1 {
        session.out.say(&super::revoke::to_be_approved(grants.threshold, ids.last()));
    }
    Ok(())
}
