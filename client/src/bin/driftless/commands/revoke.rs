//! `revoke`: taking authority away, with what that would change shown first.

use std::io::Write;
use std::path::Path;

use driftless_client::api::{GrantInfo, Grants, Preview};
use driftless_client::{Client, bundle, clock, sign};
use driftless_statement::{Frontier, Prefix, PublicKey, Signed, StatementId, Verified};

use crate::args::{RevokeArgs, Until};
use crate::exit::Failure;
use crate::render;
use crate::session::{Session, note};

/// How much older than its arrival a statement may be, milliseconds, and still belong to the flood that was seen then.
const ON_ITS_WAY_MS: u64 = 1_000;

pub async fn run(arguments: RevokeArgs, session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    if let Some(file) = &arguments.prepared {
        return submit(session, &client, file).await;
    }
    let Some(key) = arguments.of else {
        let grants = client.grants(None).await?;
        return session.out.show(&grants.revocations, |paint| render::revocations::list(paint, &grants.revocations));
    };
    let until = match (arguments.accept_up_to, arguments.since) {
        (Some(until), _) | (None, Some(until)) => until,
        (None, None) => began(&client, &key).await?,
    };
    let signer = session.signer()?;
    let grants = client.grants(Some(&signer.public())).await?;
    let mesh = client.status().await?.mesh;
    let frame = signer.revoke_frame(mesh, &grants, &arguments.prefix, clock::now_ms())?;
    if arguments.flood {
        relied_on(&grants, &key).for_each(|grant| session.out.say(&render::revocations::relied_on(grant)));
    }
    let mut said = client.author(&key, at(until)).await?;
    let within = |scope: &Prefix| scope.overlaps(&arguments.prefix) || scope.as_str() == "@mesh";
    said.scopes.retain(|scope| within(&Prefix::from(&scope.scope)));
    let frontier = if until == Until::Never { Frontier::nothing() } else { sign::frontier(&said) };
    session.out.say(&render::revocations::frontier(&said, until == Until::Never));
    let signed = signer.revoke(&frame, key, arguments.prefix, &frontier, &note(&arguments.note), clock::now_ms())?;
    let preview = client.preview(&signed).await?;
    if arguments.dry_run {
        check(&preview)?;
        return session.out.show(&preview, |paint| render::revocations::preview(paint, &preview));
    }
    session.out.say(&render::revocations::preview(crate::out::Paint::NONE, &preview));
    check(&preview)?;
    let ids = match &arguments.prepare {
        Some(file) => {
            keep(file, &signed)?;
            let how = format!("nothing was submitted; `driftless revoke --prepared {}` does that", file.display());
            session.out.say(&how);
            signed.iter().map(Verified::id).collect()
        }
        None => session.hand_over(&client, &signed).await?,
    };
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())?;
    if grants.roots.contains(&signer.public()) && grants.threshold > 1 {
        session.out.say(&to_be_approved(grants.threshold, ids.last()));
    }
    Ok(())
}

/// What a node that raised an alarm says of when an author's flood began: what it accepts is older than that.
async fn began(client: &Client, key: &PublicKey) -> Result<Until, Failure> {
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

/// Writes signed acts to a new file.
fn keep(file: &Path, signed: &[Verified]) -> Result<(), Failure> {
    let bytes = bundle::encode(signed.iter().map(|act| act.wire().as_ref()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    let written = made.and_then(|mut made| made.write_all(&bytes).and_then(|()| made.sync_all()));
    written.map_err(|error| Failure::file(file, error))
}

/// Submits acts that were prepared.
async fn submit(session: &Session, client: &Client, file: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::file(file, error))?;
    let wires = bundle::decode(&bytes).map_err(|bad| Failure::file(file, bad))?;
    let verify = |wire: &[u8]| Signed::decode(wire).and_then(Signed::verify);
    let signed = wires.into_iter().map(verify).collect::<Result<Vec<Verified>, _>>();
    let signed = signed.map_err(|bad| Failure::file(file, bad))?;
    let preview = client.preview(&signed).await?;
    session.out.say(&render::revocations::preview(crate::out::Paint::NONE, &preview));
    check(&preview)?;
    let ids = session.hand_over(client, &signed).await?;
    session.out.show(&ids, |_| ids.iter().map(|id| format!("{id}\n")).collect())
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
