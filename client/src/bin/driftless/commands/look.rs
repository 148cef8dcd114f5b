//! Commands that only ask and show: `history`, `explain`, `conflicts`, `status`, `log`, `version`.

use std::path::Path as FilePath;

use driftless_client::ClientError;
use driftless_client::api::{Explanation, History};
use driftless_client::bundle;
use driftless_statement::{Path, Prefix, Scope};
use serde::Serialize;

use crate::args::PageArgs;
use crate::exit::Failure;
use crate::files;
use crate::render::{self, Now, status::Overview};
use crate::session::Session;

/// Statements that a node gives on one page at most.
const PAGE: u32 = 1000;

/// Asks for pages until there are enough.
async fn pages<F>(limit: u32, mut ask: impl FnMut(u32, Option<String>) -> F) -> Result<History, ClientError>
where
    F: Future<Output = Result<History, ClientError>>,
{
    let mut all = History { statements: Vec::new(), next: None };
    loop {
        let missing = limit.saturating_sub(u32::try_from(all.statements.len()).unwrap_or(u32::MAX));
        if missing == 0 {
            return Ok(all);
        }
        let page = ask(missing.min(PAGE), all.next.take()).await?;
        let empty = page.statements.is_empty();
        all.statements.extend(page.statements);
        all.next = page.next;
        if all.next.is_none() || empty {
            return Ok(all);
        }
    }
}

fn show(session: &Session, history: &History, page: &PageArgs) -> Result<(), Failure> {
    session.out.show(&history.statements, |paint| {
        let shown = if page.long { render::statements::long } else { render::statements::short };
        shown(paint, Now::here(), &history.statements)
    })?;
    if history.next.is_some() {
        session.out.say("there are more; show them with --limit");
    }
    Ok(())
}

pub async fn history(session: &Session, path: &Path, page: &PageArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let history = pages(page.limit, |limit, before| {
        let client = client.clone();
        async move { client.history(path, limit, before.as_deref()).await }
    });
    let history = history.await?;
    if history.statements.is_empty() {
        return Err(Failure::NotFound(format!("no statement about {path} is held by this node")));
    }
    show(session, &history, page)
}

pub async fn log(session: &Session, scope: Option<&Scope>, page: &PageArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let history = pages(page.limit, |limit, before| {
        let client = client.clone();
        async move { client.log(scope, limit, before.as_deref()).await }
    });
    show(session, &history.await?, page)
}

/// Writes every statement to a file. What a node takes in meanwhile is later than what is asked for, and left out.
pub async fn export(session: &Session, scope: Option<&Scope>, file: &FilePath) -> Result<(), Failure> {
    let client = session.client()?;
    let history = pages(u32::MAX, |limit, before| {
        let client = client.clone();
        async move { client.log(scope, limit, before.as_deref()).await }
    });
    let history = history.await?;
    let mut bundle = Vec::new();
    for statement in history.statements.iter().rev() {
        let wire = client.statement(&statement.id).await?;
        bundle.extend(bundle::encode([&*wire]));
    }
    files::write(file, &bundle)?;
    session.out.say(&format!("wrote {} statements to {}", history.statements.len(), file.display()));
    Ok(())
}

pub async fn explain(session: &Session, path: &Path) -> Result<(), Failure> {
    let told = session.client()?.explain(path).await?;
    if is_nothing(&told) {
        return Err(Failure::NotFound(format!("nothing is known about {path}: no statement touches it")));
    }
    session.out.show(&told, |paint| render::explain::explanation(paint, Now::here(), &told))
}

fn is_nothing(told: &Explanation) -> bool {
    told.merged.is_none() && told.effective.is_none() && told.heads.is_empty() && told.kept_out.is_empty()
}

pub async fn conflicts(session: &Session, prefix: &Prefix, limit: u32) -> Result<(), Failure> {
    let answer = session.client()?.conflicts(prefix, limit.clamp(1, PAGE)).await?;
    session.out.show(&answer, |paint| render::conflicts::conflicts(paint, &answer))?;
    if answer.conflicts.is_empty() {
        session.out.say("no open conflicts");
    }
    Ok(())
}

pub async fn status(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let overview = Overview { status: client.status().await?, divergence: client.divergence().await? };
    session.out.show(&overview, |paint| render::status::overview(paint, &overview))
}

/// Versions of both sides.
#[derive(Debug, Serialize)]
struct Versions {
    client: &'static str,
    format: u64,
    fold: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_fold: Option<u64>,
}

pub async fn version(session: &Session) -> Result<(), Failure> {
    let mut versions = Versions {
        client: env!("CARGO_PKG_VERSION"),
        format: driftless_statement::limits::FORMAT_VERSION,
        fold: driftless_statement::limits::FOLD_VERSION,
        node: None,
        node_fold: None,
    };
    if session.in_force().endpoint.is_some() {
        match session.client()?.status().await {
            Ok(status) => {
                versions.node = Some(status.version);
                versions.node_fold = Some(status.fold_version);
            }
            Err(error) => session.out.say(&format!("the node's version is not known: {error}")),
        }
    }
    session.out.show(&versions, |_| {
        let node = versions.node.as_ref().map(|version| format!("driftlessd {version} (node)\n")).unwrap_or_default();
        format!("driftless {} (statement format {}, fold {})\n{node}", versions.client, versions.format, versions.fold)
    })
}
