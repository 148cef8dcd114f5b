//! `apply` and `diff`: making entries be what files say, or only saying what that would change.

use driftless_client::Signer;
use driftless_client::offline::Need;
use driftless_client::sign::{self, Desired, Edited};
use driftless_statement::{Path, Prefix, PublicKey};
use serde::Serialize;

use super::set::Done;
use crate::args::{InputArgs, SigningArgs};
use crate::documents::{self, Wanted};
use crate::exit::Failure;
use crate::render::{count, plan};
use crate::session::Session;
use crate::source::Source;

/// What an input comes to.
struct Plan {
    edited: Vec<Edited>,
    unchanged: usize,
}

pub async fn apply(session: &Session, input: &InputArgs, dry_run: bool, given: &SigningArgs) -> Result<(), Failure> {
    let wanted = read(input)?;
    let source = session.source(given, dry_run)?;
    // A dry run needs no key; with one, it also finds out whether the key may write there.
    let signer = if dry_run && session.in_force().key.is_none() { None } else { Some(session.signer()?) };
    let plan = make(session, &source, input, wanted, signer.as_ref().map(Signer::public)).await?;
    let rows = plan::rows(&plan.edited);
    let summary = plan::summary(&rows, plan.unchanged);
    let Some(signer) = signer.filter(|_| !dry_run) else {
        session.out.show(&rows, |paint| plan::plan(paint, &rows))?;
        session.out.say(&format!("{summary}; nothing was signed (--dry-run)"));
        return Ok(());
    };
    let statements = session.submit(&source, &signer, plan.edited, given).await?;
    let signed = count(statements.len(), "statement", "statements");
    let done = Done { statements, entries: rows };
    session.out.show(&done, |paint| {
        let ids: String = done.statements.iter().map(|id| format!("{id}\n")).collect();
        format!("{}{ids}", plan::plan(paint, &done.entries))
    })?;
    session.out.say(&format!(
        "{}; {signed} signed",
        summary
            .replace(" to ", " ")
            .replace("create", "created")
            .replace("change,", "changed,")
            .replace("delete", "deleted")
    ));
    Ok(())
}

/// A comparison for programs.
#[derive(Debug, Serialize)]
struct Compared {
    differs: bool,
    unchanged: usize,
    entries: Vec<plan::PlanRow>,
}

pub async fn diff(session: &Session, input: &InputArgs) -> Result<(), Failure> {
    // Exit code 1 says "differs" here, so trouble must not end in it.
    let trouble = |failure: Failure| match failure {
        Failure::Differs(text) => Failure::Usage(text),
        other => other,
    };
    let wanted = read(input).map_err(trouble)?;
    let source = Source::Node(session.client()?);
    let plan = make(session, &source, input, wanted, None).await.map_err(trouble)?;
    let rows = plan::rows(&plan.edited);
    let compared = Compared { differs: !rows.is_empty(), unchanged: plan.unchanged, entries: rows };
    session.out.show(&compared, |paint| plan::plan(paint, &compared.entries))?;
    session.out.detail(&plan::summary(&compared.entries, compared.unchanged));
    if compared.differs { Err(Failure::Differs(String::new())) } else { Ok(()) }
}

fn read(input: &InputArgs) -> Result<Wanted, Failure> {
    let wanted = documents::read(&input.files, input.prefix.as_ref())?;
    if input.prune && wanted.is_empty() {
        return Err(Failure::Usage(
            "the input holds no entry; pruning would delete everything (use `driftless delete`)".into(),
        ));
    }
    Ok(wanted)
}

/// Compares what is wanted with what is merged.
async fn make(
    session: &Session,
    source: &Source,
    input: &InputArgs,
    wanted: Wanted,
    author: Option<PublicKey>,
) -> Result<Plan, Failure> {
    let gone = match (input.prune, input.under.as_ref().or(input.prefix.as_ref())) {
        (false, _) => Vec::new(),
        (true, Some(under)) => superfluous(source, under, &wanted).await?,
        (true, None) => return Err(Failure::Usage("--prune needs --under PREFIX: below where to delete".to_owned())),
    };
    let whole: usize = wanted.len() + gone.len();
    session.out.detail(&format!("comparing {}", count(whole, "entry", "entries")));
    let all = wanted.into_iter().map(|(path, value)| (path, Desired::Value(value)));
    let all = all.chain(gone.into_iter().map(|path| (path, Desired::Absent)));
    let mut plan = Plan { edited: Vec::new(), unchanged: 0 };
    for (path, desired) in all {
        let merged = source.merged(&path, author.as_ref(), need(&desired)).await?;
        match sign::plan(&merged, &desired)? {
            Some(edited) => plan.edited.push(edited),
            None => plan.unchanged += 1,
        }
    }
    plan.edited.sort_by(|a, b| a.merged.path.cmp(&b.merged.path));
    Ok(plan)
}

fn need(desired: &Desired) -> Need {
    match desired {
        Desired::Value(_) => Need::Heads,
        Desired::Absent => Need::Value,
    }
}

/// Entries below a prefix that the input does not have.
async fn superfluous(source: &Source, under: &Prefix, wanted: &Wanted) -> Result<Vec<Path>, Failure> {
    let paths = source.paths(under).await?;
    Ok(paths.into_iter().filter(|path| !wanted.contains_key(path)).collect())
}
