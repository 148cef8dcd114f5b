//! `revoke`: taking authority away, with what that would change shown first.

use driftless_client::api::{GrantInfo, Grants, Preview};
use driftless_client::{clock, sign};
use driftless_statement::{Frontier, Prefix, PublicKey, Scope, StatementId};

use crate::args::{RevokeArgs, Until};
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};
use crate::source::{Known, Source};

/// How much older than its arrival a statement may be, milliseconds, and still belong to the flood that was seen then.
const ON_ITS_WAY_MS: u64 = 1_000;

pub async fn run(arguments: RevokeArgs, session: &Session) -> Result<(), Failure> {
    let Some(key) = arguments.of else {
        let grants = session.client()?.grants(None).await?;
        return session.out.show(&grants.revocations, |paint| render::revocations::list(paint, &grants.revocations));
    };
    let source = session.source(&arguments.signing, arguments.dry_run)?;
    let until = match (arguments.accept_up_to, arguments.since) {
        (Some(until), _) | (None, Some(until)) => until,
        (None, None) => began(&source, &key).await?,
    };
    let signer = session.signer()?;
    let grants = source.grants(&signer.public()).await?;
    let mesh = source.mesh().await?.0;
    let frame = signer.revoke_frame(mesh, &grants, &arguments.prefix, clock::now_ms())?;
    if arguments.flood {
        relied_on(&grants, &key).for_each(|grant| session.out.say(&render::revocations::relied_on(grant)));
    }
    let mut said = source.author(&key, at(until)).await?;
    let within = |scope: &Prefix| scope.overlaps(&arguments.prefix) || scope.as_str() == "@mesh";
    if until != Until::Never && !said.tells_all(&arguments.prefix) {
        session.out.say(&accepts_of(said.only.as_deref().unwrap_or_default()));
    }
    said.scopes.retain(|scope| within(&Prefix::from(&scope.scope)));
    let frontier = if until == Until::Never { Frontier::nothing() } else { sign::frontier(&said) };
    session.out.say(&render::revocations::frontier(&said, until == Until::Never));
    if let Some(known) = source.known().filter(|_| until != Until::Never) {
        session.out.say(&accepts_only(&known));
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
pub fn accepts_only(Known { scopes, until, age }: &Known) -> String {
    format!(
        "WARNING: it accepts only what the export holds ({scopes}), up to {until} ({age} ago). All that the key has said since then or elsewhere, good or bad, becomes VOID \
         where it relies on what is struck. To keep it, take a fresh export, or revoke where a node is reached"
    )
}

/// What a revocation cannot accept that was prepared where not all scopes are held, or shown.
fn accepts_of(only: &[Scope]) -> String {
    let told: Vec<&str> = only.iter().map(Scope::as_str).collect();
    let told = if told.is_empty() { "no scope whole".to_owned() } else { format!("only {}", told.join(", ")) };
    format!(
        "WARNING: this node holds, or shows you, {told}. All that the key has said in other scopes under the prefix, good or bad, becomes VOID \
         where it relies on what is struck. To keep it, ask a node that holds them all (--endpoint) with a role that reads them, or \
         name the prefix of a scope that is told of (`revoke KEY SCOPE`)"
    )
}

/// What a node that raised an alarm says of when an author's flood began: what it accepts is older than that.
async fn began(source: &Source, key: &PublicKey) -> Result<Until, Failure> {
    let Source::Node(client) = source else {
        return Err(Failure::Usage("an export does not say when a flood began; say it with --since".to_owned()));
    };
    let status = client.status().await?;
    let flood = status.floods.iter().find(|flood| flood.author == *key).ok_or_else(|| {
        Failure::NotFound(format!(
            "this node has seen no flood by {key} in the last day; say with --since when it began, or ask the node that \
             raised the alarm (--endpoint)"
        ))
    })?;
    let since = clock::parse_rfc3339(&flood.since)
        .ok_or_else(|| Failure::Unreachable(format!("the node says that the flood began at {:?}", flood.since)))?;
    Ok(Until::At(since.saturating_sub(ON_ITS_WAY_MS)))
}

/// The grants in force that a key may rely on.
fn relied_on<'a>(grants: &'a Grants, key: &PublicKey) -> impl Iterator<Item = &'a GrantInfo> {
    let key = *key;
    grants
        .grants
        .iter()
        .filter(move |grant| grant.key == key && grant.state == "authorised" && grant.struck_by.is_empty())
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
