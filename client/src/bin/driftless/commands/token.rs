//! `token`: the file of tokens that a node of this machine reads. It talks to no node: who may write the file may grant.

use std::path::Path;

use driftless_client::clock;
use driftless_client::tokens::{self, Known, Rights, Token};
use serde::Serialize;

use crate::args::{Expiry, TokenCommand, TokenNew};
use crate::exit::Failure;
use crate::out::{Ink, Out, Paint};
use crate::table::{Cell, row, table};

/// A token for programs. Only a new one has the token itself.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    created: String,
    expires: String,
    expired: bool,
    read: Vec<String>,
    write: Vec<String>,
    observe: bool,
    submit: bool,
}

impl Listed {
    fn of(known: &Known, now_ms: u64) -> Self {
        let texts = |prefixes: &[driftless_statement::Prefix]| prefixes.iter().map(tokens::prefix_text).collect();
        Self {
            name: known.name.clone(),
            token: None,
            created: clock::rfc3339(known.created_ms),
            expires: clock::rfc3339(known.expires_ms),
            expired: known.expires_ms <= now_ms,
            read: texts(&known.rights.read),
            write: texts(&known.rights.write),
            observe: known.rights.observe,
            submit: known.rights.submit,
        }
    }
}

pub fn run(command: TokenCommand, out: Out) -> Result<(), Failure> {
    match command {
        TokenCommand::New(new) => make(&new, out),
        TokenCommand::List { tokens } => list(&tokens, out),
        TokenCommand::Revoke { name, tokens } => revoke(&tokens, &name, out),
    }
}

fn make(new: &TokenNew, out: Out) -> Result<(), Failure> {
    tokens::check_name(&new.name).map_err(Failure::Usage)?;
    let rights = Rights { read: new.read.clone(), write: new.write.clone(), observe: new.observe, submit: new.submit };
    if rights == Rights::default() {
        let how = "give it --read PREFIX, --write PREFIX, --observe or --submit";
        return Err(Failure::Usage(format!("a token that may do nothing is of no use; {how}")));
    }
    let created_ms = clock::now_ms();
    let expires_ms = match new.expires {
        Expiry::After(life) => created_ms.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
        Expiry::At(millis) => millis,
    };
    if expires_ms <= created_ms {
        return Err(Failure::Usage("--expires: that time is over".to_owned()));
    }
    let token = Token::generate()?;
    let known = Known { name: new.name.clone(), hash: token.hash(), created_ms, expires_ms, rights };
    tokens::update(&new.tokens, |held| {
        if held.iter().any(|other| other.name == known.name) {
            let again = format!("a token is called {:?} already; revoke it first, or choose another name", known.name);
            return Err(Failure::Refused(again));
        }
        if held.len() == tokens::MOST {
            return Err(Failure::Refused(format!("the file holds {} tokens; revoke some first", tokens::MOST)));
        }
        held.push(known.clone());
        Ok(())
    })?;
    out.say(&format!("made token {}; it is shown this once, and in force within seconds", known.name));
    let shown = Listed { token: Some(token.expose().to_owned()), ..Listed::of(&known, created_ms) };
    out.show(&shown, |_| format!("{}\n", token.expose()))
}

fn list(file: &Path, out: Out) -> Result<(), Failure> {
    let now_ms = clock::now_ms();
    let listed: Vec<Listed> = tokens::load(file)?.iter().map(|known| Listed::of(known, now_ms)).collect();
    out.show(&listed, |paint| rows(paint, &listed))
}

fn rows(paint: Paint, listed: &[Listed]) -> String {
    let rows: Vec<Vec<Cell>> = listed
        .iter()
        .map(|one| {
            let also = [("observe", one.observe), ("submit", one.submit)];
            let also: Vec<&str> = also.into_iter().filter(|(_, may)| *may).map(|(word, _)| word).collect();
            let expires = match one.expired {
                true => Cell::ink(format!("{} (over)", one.expires), Ink::Bad),
                false => Cell::from(one.expires.as_str()),
            };
            row![
                one.name.as_str(),
                one.read.join(","),
                one.write.join(","),
                also.join(","),
                one.created.as_str(),
                expires
            ]
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        table(paint, &["NAME", "READ", "WRITE", "ALSO", "CREATED", "EXPIRES"], &rows)
    }
}

fn revoke(file: &Path, name: &str, out: Out) -> Result<(), Failure> {
    // A missing file would be made by a change.
    tokens::load(file)?;
    tokens::update(file, |held| {
        let before = held.len();
        held.retain(|known| known.name != name);
        if held.len() < before {
            return Ok(());
        }
        Err(Failure::NotFound(format!("no token is called {name:?}; `driftless token list` shows those there are")))
    })?;
    out.say(&format!("revoked token {name}; the node refuses it within seconds"));
    Ok(())
}
