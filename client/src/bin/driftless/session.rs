//! What a command works with: the node to call and the key to sign with, found through flags, environment and contexts.

use std::path::Path;
use std::time::Duration;

use driftless_client::api::{Merged, Submission};
use driftless_client::sign::Edited;
use driftless_client::tokens::BadToken;
use driftless_client::{Client, Endpoint, Signer, Token, clock, sign};
use driftless_statement::{Note, SecretKey, StatementId, Verified, Why};

use crate::args::{Global, NoteArgs, SigningArgs};
use crate::context::{self, InForce};
use crate::exit::Failure;
use crate::out::Out;
use crate::passphrase;
use crate::render::count;
use crate::source::{self, Source};

/// The variable that may hold a token, where no file can be: never an argument, which every user of a machine can see.
const TOKEN: &str = "DRIFTLESS_TOKEN";
/// How long a call may take when `--timeout` does not say.
const CALL: Duration = Duration::from_secs(15);

/// Warnings of one kind that are said; more of them say nothing new.
const DOUBTS: usize = 3;

/// One run of the command line.
pub struct Session {
    pub out: Out,
    pub global: Global,
    in_force: InForce,
}

impl Session {
    pub fn open(global: Global, out: Out) -> Result<Self, Failure> {
        let contexts = context::load(&context::file()?)?;
        let in_force = context::in_force(&global, &contexts)?;
        Ok(Self { out, global, in_force })
    }

    /// What is in force.
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// Where the node is.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        self.in_force.endpoint.clone().ok_or_else(|| {
            let how = "give --endpoint unix:/path/to/socket, or make a context: \
                       `driftless context set NAME --endpoint ... --key ...`";
            Failure::Usage(format!("no node to call; {how}"))
        })
    }

    /// Calls to the node.
    pub fn client(&self) -> Result<Client, Failure> {
        let endpoint = self.endpoint()?;
        self.out.detail(&format!("calling {endpoint}"));
        let client = Client::with_timeout(endpoint, self.global.timeout.unwrap_or(CALL));
        Ok(match self.token()? {
            Some(token) => client.with_token(token),
            None => client,
        })
    }

    /// The token to show: of the file that a flag or the environment names, else of the environment itself, else of the
    /// context's file.
    fn token(&self) -> Result<Option<Token>, Failure> {
        if self.global.token_file.is_none()
            && let Some(text) = std::env::var_os(TOKEN).filter(|text| !text.is_empty())
        {
            let token = text.to_str().ok_or(BadToken).and_then(Token::parse);
            return token.map(Some).map_err(|bad| Failure::Usage(format!("{TOKEN}: {bad}")));
        }
        Ok(self.in_force.token_file.as_deref().map(Token::read).transpose()?)
    }

    /// Signs with the operator's key.
    pub fn signer(&self) -> Result<Signer, Failure> {
        let path = self.in_force.key.clone().ok_or_else(|| {
            Failure::Usage("no key to sign with; give --key FILE, or a context that has one".to_owned())
        })?;
        let signer = Signer::new(self.key(&path)?);
        self.out.detail(&format!("signing as {}", signer.public()));
        Ok(signer)
    }

    /// The key in a file; if it is encrypted, asks for its passphrase.
    pub fn key(&self, path: &Path) -> Result<SecretKey, Failure> {
        passphrase::key(self.out, path, self.global.passphrase_file.as_deref())
    }

    /// Whom to ask what the mesh holds: a node, or the files of `--from`.
    pub fn source(&self, signing: &SigningArgs, dry_run: bool) -> Result<Source, Failure> {
        source::check(signing, dry_run)?;
        match signing.from.as_slice() {
            [] => self.client().map(Source::Node),
            files => Ok(Source::Export(Box::new(source::load(self.out, files, signing.mesh)?))),
        }
    }

    /// Signs a plan and hands the statements over; says what became of each.
    pub async fn submit(
        &self,
        source: &Source,
        signer: &Signer,
        plan: Vec<Edited>,
        signing: &SigningArgs,
    ) -> Result<Vec<StatementId>, Failure> {
        let doubts: std::collections::BTreeSet<String> =
            plan.iter().filter_map(|edited| source.doubt(&edited.merged.path)).collect();
        doubts.iter().take(DOUBTS).for_each(|doubt| self.out.say(doubt));
        let signed = sign::statements(signer, plan, &note(signing), clock::now_ms())?;
        self.hand_over(source, signing, &signed).await
    }

    /// Hands signed statements to the node, and fails unless it has each of them; or writes them to the file of `--to`.
    pub async fn hand_over(
        &self,
        source: &Source,
        signing: &SigningArgs,
        signed: &[Verified],
    ) -> Result<Vec<StatementId>, Failure> {
        let client = match (source, &signing.to) {
            (_, Some(_)) if signed.is_empty() => return Ok(Vec::new()),
            (_, Some(file)) => {
                source::write_bundle(file, signed)?;
                self.out.say(&format!(
                    "wrote {} to {name}; nothing was submitted. Hand it in where a node is reached: driftless submit {name}",
                    count(signed.len(), "statement", "statements"),
                    name = file.display()
                ));
                return Ok(signed.iter().map(Verified::id).collect());
            }
            (Source::Node(client), None) => client,
            (Source::Export(_), None) => return Ok(Vec::new()),
        };
        self.send(client, signed).await
    }

    /// Signs a plan and has a node take it.
    pub async fn submit_to(
        &self,
        client: &Client,
        signer: &Signer,
        plan: Vec<Edited>,
        note: &NoteArgs,
    ) -> Result<Vec<StatementId>, Failure> {
        self.send(client, &sign::statements(signer, plan, &note_of(note), clock::now_ms())?).await
    }

    async fn send(&self, client: &Client, signed: &[Verified]) -> Result<Vec<StatementId>, Failure> {
        let mut ids = Vec::new();
        // Fewer than a request's body may hold: a statement has at most 256 KiB.
        for part in signed.chunks(12) {
            ids.extend(taken(part, client.submit(part).await?)?);
        }
        for id in &ids {
            self.report_fate(client, id).await;
        }
        Ok(ids)
    }

    /// Says so when a statement that the node has does not show.
    pub async fn report_fate(&self, client: &Client, id: &StatementId) {
        // The statement is safe on the node's disk; not knowing more is no failure of the command.
        let Ok(change) = client.change(id).await else { return };
        let info = change.statement;
        if info.fate != "fit" {
            let reason = info.reason.unwrap_or_default();
            self.out.say(&format!("warning: {} is stored, but {}: {reason}", id.short(), info.fate.replace('_', " ")));
        }
        for skipped in &info.skipped {
            self.out.say(&format!("warning: {}: skipped {skipped}", id.short()));
        }
    }
}

/// The ids of statements that the node took, all of them, or the first refusal.
fn taken(sent: &[Verified], answer: Submission) -> Result<Vec<StatementId>, Failure> {
    let mut ids = Vec::new();
    for (statement, result) in sent.iter().zip(answer.results) {
        let id = statement.id();
        match result.outcome.as_str() {
            "stored" | "known" => ids.push(id),
            outcome => {
                let before = if ids.is_empty() { "nothing was stored".to_owned() } else { stored(&ids) };
                let detail = result.detail.or(result.reason).unwrap_or_default();
                return Err(Failure::Refused(format!("{id}: {outcome}: {detail} ({before})")));
            }
        }
    }
    if ids.len() == sent.len() {
        return Ok(ids);
    }
    Err(Failure::Unreachable("the node did not say what became of every statement; send them again".to_owned()))
}

fn stored(ids: &[StatementId]) -> String {
    format!("{} before it stored", count(ids.len(), "statement", "statements"))
}

/// The note of a statement.
pub fn note(given: &SigningArgs) -> Note {
    note_of(&given.note)
}

fn note_of(given: &NoteArgs) -> Note {
    let why = Why {
        reason: given.message.clone().unwrap_or_default(),
        ticket: given.ticket.clone().unwrap_or_default(),
        traceparent: std::env::var("TRACEPARENT").unwrap_or_default(),
    };
    why.into()
}

/// Refuses when an entry is no longer what the caller saw.
pub fn check_tag(merged: &Merged, wanted: Option<&str>) -> Result<(), Failure> {
    match wanted.map(|tag| tag.trim_matches('"')) {
        Some(tag) if tag != merged.etag => Err(Failure::Differs(format!(
            "{}: its entity tag is {:?}, not {tag:?}; somebody changed it: read it again",
            merged.path, merged.etag
        ))),
        _ => Ok(()),
    }
}
