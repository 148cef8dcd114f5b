//! `context`: endpoints and keys under names.

use serde::Serialize;

use crate::args::{ContextCommand, Global};
use crate::context::{self, Context, Contexts};
use crate::exit::Failure;
use crate::out::{Ink, Out, Paint};
use crate::table::{Cell, row, table};

pub fn run(command: ContextCommand, global: &Global, out: Out) -> Result<(), Failure> {
    let file = context::file()?;
    let mut contexts = context::load(&file)?;
    match command {
        ContextCommand::List => return list(&contexts, out),
        ContextCommand::Show => return show(global, &contexts, out),
        ContextCommand::Use { name } => {
            known(&contexts, &name)?;
            contexts.current = Some(name);
        }
        ContextCommand::Set { name } => set(&mut contexts, &name, global)?,
        ContextCommand::Delete { name } => {
            known(&contexts, &name)?;
            contexts.contexts.remove(&name);
            contexts.current = contexts.current.filter(|current| *current != name);
        }
    }
    context::save(&file, &contexts)?;
    out.detail(&format!("wrote {}", file.display()));
    match &contexts.current {
        Some(current) => out.say(&format!("current context: {current}")),
        None => out.say("no current context; choose one with `driftless context use NAME`"),
    }
    Ok(())
}

fn known(contexts: &Contexts, name: &str) -> Result<(), Failure> {
    if contexts.contexts.contains_key(name) {
        return Ok(());
    }
    Err(Failure::NotFound(format!("no context is called {name:?}; `driftless context list` shows those there are")))
}

/// Makes or changes a context; the first one becomes the current one.
fn set(contexts: &mut Contexts, name: &str, global: &Global) -> Result<(), Failure> {
    context::check_name(name)?;
    if global.endpoint.is_none() && global.key.is_none() && global.token_file.is_none() {
        return Err(Failure::Usage("give --endpoint, --key or --token-file for the context to hold".to_owned()));
    }
    let absolute = |path: &std::path::PathBuf| std::path::absolute(path).map_err(|error| Failure::file(path, error));
    let (key, token_file) = (global.key.as_ref().map(absolute), global.token_file.as_ref().map(absolute));
    let context: &mut Context = contexts.contexts.entry(name.to_owned()).or_default();
    context.endpoint = global.endpoint.clone().or(context.endpoint.take());
    context.key = key.transpose()?.or(context.key.take());
    context.token_file = token_file.transpose()?.or(context.token_file.take());
    contexts.current.get_or_insert_with(|| name.to_owned());
    Ok(())
}

/// A context for programs.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    current: bool,
    #[serde(flatten)]
    context: &'a Context,
}

fn list(contexts: &Contexts, out: Out) -> Result<(), Failure> {
    let listed: Vec<Listed<'_>> = contexts
        .contexts
        .iter()
        .map(|(name, context)| Listed { name, current: contexts.current.as_deref() == Some(name), context })
        .collect();
    out.show(&listed, |paint| rows(paint, &listed))
}

fn rows(paint: Paint, listed: &[Listed<'_>]) -> String {
    let rows: Vec<Vec<Cell>> = listed
        .iter()
        .map(|one| {
            let endpoint = one.context.endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
            let key = one.context.key.as_ref().map(|key| key.display().to_string()).unwrap_or_default();
            let token = one.context.token_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
            row![Cell::ink(if one.current { "*" } else { "" }, Ink::Good), one.name, endpoint, key, token]
        })
        .collect();
    if rows.is_empty() { String::new() } else { table(paint, &["", "NAME", "ENDPOINT", "KEY", "TOKEN"], &rows) }
}

fn show(global: &Global, contexts: &Contexts, out: Out) -> Result<(), Failure> {
    let shown = context::in_force(global, contexts)?;
    out.show(&shown, |paint| {
        let none = || "none".to_owned();
        let rows = vec![
            row!["context", shown.context.clone().unwrap_or_else(none), ""],
            row!["endpoint", shown.endpoint.as_ref().map_or_else(none, ToString::to_string), shown.endpoint_from],
            row!["key", shown.key.as_ref().map_or_else(none, |key| key.display().to_string()), shown.key_from],
            row![
                "token",
                shown.token_file.as_ref().map_or_else(none, |file| file.display().to_string()),
                shown.token_from
            ],
        ];
        table(paint, &["WHAT", "VALUE", "FROM"], &rows)
    })
}
