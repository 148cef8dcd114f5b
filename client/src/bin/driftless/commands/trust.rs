//! `trust`: the tree of grants, and whether a key may do something. Both judge the statements of `@mesh` here, also when a
//! node gives them: what the node makes of them is not asked.

use std::fs::File;
use std::io::{BufReader, Cursor};

use driftless_client::audit::{self, Audit, Target, Unverified};
use driftless_client::clock;
use driftless_statement::{Path, PublicKey, Scope, Verb};

use crate::args::audit::{SourceArgs, TrustCommand};
use crate::exit::Failure;
use crate::render;
use crate::session::Session;

pub async fn run(command: TrustCommand, session: &Session) -> Result<(), Failure> {
    match command {
        TrustCommand::Show { source } => {
            let audited = load(session, &source).await?;
            let tree = audit::tree(&audited.trust, &audited.mesh);
            session.out.show(&tree, |paint| render::trust::tree(paint, &tree))
        }
        TrustCommand::Check { of, verb, target, source } => check(session, &of, verb, &target, &source).await,
    }
}

async fn check(
    session: &Session,
    of: &PublicKey,
    verb: Verb,
    target: &str,
    source: &SourceArgs,
) -> Result<(), Failure> {
    let target = read_target(target)?;
    let audited = load(session, source).await?;
    let answer = audit::check(&audited.trust, &audited.mesh, of, verb, &target, clock::now_ms());
    session.out.show(&answer, |paint| render::trust::answer(paint, &answer))?;
    if answer.allowed { Ok(()) } else { Err(Failure::Differs(String::new())) }
}

/// An entry, or with a closing slash (or of one segment) everything under a prefix.
fn read_target(text: &str) -> Result<Target, Failure> {
    let bad = |error: driftless_statement::path::BadPath| Failure::Usage(format!("{text:?}: {error}"));
    if text.ends_with('/') || !text.trim_start_matches('/').contains('/') {
        return crate::args::prefix(text).map(Target::Under).map_err(bad);
    }
    Path::parse(text).map(Target::Entry).map_err(bad)
}

async fn load(session: &Session, source: &SourceArgs) -> Result<Audit, Failure> {
    let Some(file) = &source.from else {
        let mut bytes = Vec::new();
        let take = |part: &[u8]| -> Result<(), Failure> {
            bytes.extend_from_slice(part);
            Ok(())
        };
        let client = session.client()?;
        client.audit_export(Some(&Scope::mesh()), take).await?;
        return audit::verify(&mut Cursor::new(bytes), source.mesh).map_err(|error| {
            Failure::Unreachable(format!("what the node at {} gives is not sound: {error}", client.endpoint()))
        });
    };
    let mut input = BufReader::new(File::open(file).map_err(|error| Failure::file(file, error))?);
    let audited = audit::verify(&mut input, source.mesh).map_err(|error| match error {
        Unverified::Io(error) => Failure::file(file, error),
        Unverified::Broken(broken) => Failure::Differs(format!("{}: not verified: {broken}", file.display())),
    })?;
    if source.mesh.is_none() {
        session.out.say(&render::audit::unvouched(&audited.report.mesh));
    }
    Ok(audited)
}
