//! Where a command that signs learns what the mesh holds, and where what it signed goes: a node for both, or an export and a file, on a machine
//! that reaches no node. It must not know what is signed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path as FilePath, PathBuf};

use driftless_client::api::{Author, Grants, Merged, PendingList, Preview};
use driftless_client::audit::Unverified;
use driftless_client::error::ClientError;
use driftless_client::offline::{Need, Offline};
use driftless_client::{Client, bundle, clock};
use driftless_statement::{MeshId, Path, Prefix, PublicKey, Signed, Statement, StatementId, Value, Verified};

use crate::args::SigningArgs;
use crate::exit::Failure;
use crate::files;
use crate::out::Out;
use crate::render::{audit::unvouched, count};

/// Above any bundle that hands carry; what is larger is another kind of file.
const BUNDLE_BYTES: u64 = 256 * 1024 * 1024;
/// From this age on an export is called old: others have usually changed something by then.
const OLD_MS: u64 = 3_600_000;

/// Whom a command asks.
pub enum Source {
    /// A node.
    Node(Client),
    /// An export, with bundles on it.
    Export(Box<Offline>),
}

/// Reads `--from`: one export, and bundles of statements that were signed since.
pub fn load(out: Out, files: &[PathBuf], mesh: Option<MeshId>) -> Result<Offline, Failure> {
    let (mut exports, mut bundles) = (Vec::new(), Vec::new());
    for file in files {
        let list = if is_export(file)? { &mut exports } else { &mut bundles };
        list.push(file);
    }
    let [export] = exports.as_slice() else {
        return Err(Failure::Usage(format!(
            "--from: {}; give one export, which `driftless audit export FILE` makes where a node runs",
            if exports.is_empty() { "none of the files is an export" } else { "more than one export" }
        )));
    };
    let mut input = BufReader::new(File::open(export).map_err(|error| Failure::file(*export, error))?);
    let mut offline = Offline::read(&mut input, mesh).map_err(|error| match error {
        Unverified::Io(error) => Failure::file(*export, error),
        Unverified::Broken(broken) => Failure::Differs(format!("{}: not verified: {broken}", export.display())),
    })?;
    if mesh.is_none() {
        out.say(&unvouched(&offline.mesh()));
    }
    let mut wires: Vec<(&PathBuf, Vec<u8>)> = Vec::new();
    for file in bundles {
        wires.push((file, read_bundle(file)?));
    }
    // All at once: a bundle may name what lies in a later one.
    let mut all = Vec::new();
    for (file, bytes) in &wires {
        all.extend(bundle::decode(bytes).map_err(|bad| Failure::Usage(format!("{}: {bad}", file.display())))?);
    }
    let names = wires.iter().map(|(file, _)| file.display().to_string()).collect::<Vec<_>>().join(", ");
    offline.add(&all).map_err(|bad| Failure::Usage(format!("{names}: {bad}")))?;
    tell_age(out, &offline, export);
    Ok(offline)
}

/// Says how old what is known is, and what follows from that.
fn tell_age(out: Out, offline: &Offline, export: &FilePath) {
    let (statements, known_ms) = offline.known();
    let now = clock::now_ms();
    let age = clock::age(now, known_ms);
    let file = export.display();
    out.detail(&format!(
        "{file}: {}, up to {}",
        count(statements, "statement", "statements"),
        clock::rfc3339(known_ms)
    ));
    if now.saturating_sub(known_ms) >= OLD_MS {
        out.say(&format!(
            "warning: {file} is {age} old. What others have signed since is not known here: what is signed now is concurrent with it, so that \
             entries changed on both sides are merged and may show conflicts, and a grant that was revoked since makes it void"
        ));
    }
}

/// A file of statements, within bounds.
pub fn read_bundle(file: &FilePath) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::file(file, error);
    let mut bytes = Vec::new();
    File::open(file).and_then(|opened| opened.take(BUNDLE_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > BUNDLE_BYTES {
        return Err(Failure::file(file, format!("larger than {} MiB; split it", BUNDLE_BYTES >> 20)));
    }
    if bytes.first() == Some(&b'{') {
        return Err(Failure::Usage(format!(
            "{}: this is an export, not a bundle of statements; judge it with `driftless audit verify`",
            file.display()
        )));
    }
    if bytes.is_empty() {
        return Err(Failure::Usage(format!("{}: holds no statement", file.display())));
    }
    Ok(bytes)
}

fn is_export(file: &FilePath) -> Result<bool, Failure> {
    let mut first = [0];
    let read = File::open(file).and_then(|mut opened| opened.read(&mut first));
    read.map(|length| length == 1 && first == *b"{").map_err(|error| Failure::file(file, error))
}

/// Writes signed statements to a file that must not exist.
pub fn write_bundle(file: &FilePath, signed: &[Verified]) -> Result<(), Failure> {
    files::write_new(file, &bundle::encode(signed.iter().map(|one| one.wire())))
}

/// Refuses what cannot end well before anything is asked or signed.
pub fn check(signing: &SigningArgs, dry_run: bool) -> Result<(), Failure> {
    if signing.from.is_empty() || dry_run {
        return Ok(());
    }
    match &signing.to {
        None => Err(Failure::Usage(
            "--from goes with --to FILE: what is signed without a node is written to a file, for `driftless submit`"
                .to_owned(),
        )),
        Some(file) if file.exists() => Err(Failure::file(file, "is there already; choose another name")),
        Some(_) => Ok(()),
    }
}

impl Source {
    /// What a signer needs to edit an entry.
    pub async fn merged(&self, path: &Path, author: Option<&PublicKey>, need: Need) -> Result<Merged, Failure> {
        match self {
            Self::Node(client) => Ok(client.merged(path, author).await?),
            Self::Export(offline) => {
                let merged = offline.merged(path, author, need, clock::now_ms());
                merged.map_err(|unmerged| Failure::Refused(unmerged.to_string()))
            }
        }
    }

    /// The entries under a prefix.
    pub async fn paths(&self, prefix: &Prefix) -> Result<Vec<Path>, Failure> {
        match self {
            Self::Node(client) => Ok(client.items(prefix).await?.into_iter().map(|item| item.path).collect()),
            Self::Export(offline) => Ok(offline.paths(prefix)),
        }
    }

    /// The value of an entry; `None`: there is none.
    pub async fn value(&self, path: &Path) -> Result<Option<Value>, Failure> {
        match self {
            Self::Node(client) => match client.item(path).await {
                Ok(item) => Ok(Some(item.value)),
                Err(ClientError::Problem(problem)) if problem.status == 404 => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Export(_) => {
                let merged = self.merged(path, None, Need::Value).await?;
                let tree = merged.tree.as_ref().map(driftless_client::tree::from_json).transpose();
                let tree = tree.map_err(|bad| Failure::Unreachable(bad.to_string()))?;
                Ok(tree.map(|tree| tree.to_value()))
            }
        }
    }

    /// Grants of the mesh, with an author's own heads in `@mesh`.
    pub async fn grants(&self, author: &PublicKey) -> Result<Grants, Failure> {
        match self {
            Self::Node(client) => Ok(client.grants(Some(author)).await?),
            Self::Export(offline) => Ok(offline.grants(Some(author))),
        }
    }

    /// The mesh and its name.
    pub async fn mesh(&self) -> Result<(MeshId, String), Failure> {
        match self {
            Self::Node(client) => {
                let status = client.status().await?;
                Ok((status.mesh, status.mesh_name))
            }
            Self::Export(offline) => Ok((offline.mesh(), offline.mesh_name().to_owned())),
        }
    }

    /// What a key has said.
    pub async fn author(&self, key: &PublicKey, until: Option<u64>) -> Result<Author, Failure> {
        match self {
            Self::Node(client) => Ok(client.author(key, until).await?),
            Self::Export(offline) => Ok(offline.author(key, until)),
        }
    }

    /// What waits for signatures or approvals.
    pub async fn pending(&self, most: u32) -> Result<PendingList, Failure> {
        match self {
            Self::Node(client) => Ok(client.pending(&Prefix::all(), most).await?),
            Self::Export(offline) => Ok(offline.pending()),
        }
    }

    /// A statement as it was signed; `None`: it is not there. Its id was computed from its bytes, whoever told it.
    pub async fn said(&self, id: &StatementId) -> Result<Option<Statement>, Failure> {
        let client = match self {
            Self::Node(client) => client,
            Self::Export(offline) => return Ok(offline.statement(id).map(|one| one.statement().clone())),
        };
        let wire = match client.statement(id).await {
            Ok(wire) => wire,
            Err(ClientError::Problem(problem)) if problem.status == 404 => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let signed = Signed::decode(&wire).map_err(|invalid| Failure::Unreachable(invalid.to_string()))?;
        Ok(Some(signed.statement().clone()))
    }

    /// What acts would change.
    pub async fn preview(&self, out: Out, acts: &[Verified]) -> Result<Preview, Failure> {
        match self {
            Self::Node(client) => Ok(client.preview(acts).await?),
            Self::Export(offline) => {
                let (preview, untold) = offline.preview(acts);
                if untold > 0 {
                    out.say(&format!(
                        "{} would change as well, to what only a node can tell: concurrent edits are merged there",
                        count(untold, "entry", "entries")
                    ));
                }
                Ok(preview)
            }
        }
    }

    /// What is doubtful about editing entries that an export does not know; `None`: nothing.
    pub fn doubt(&self, path: &Path) -> Option<String> {
        let (Self::Export(offline), scope) = (self, path.scope()) else { return None };
        (!offline.holds(&scope)).then(|| {
            format!(
                "warning: {path}: the export holds nothing of scope {scope}. If the mesh does, what is signed now is concurrent with all of it: export that scope, or all"
            )
        })
    }

    /// What is known of the mesh without a node: which scopes, up to which moment, and how long ago that was; `None`: a node knows.
    pub fn known(&self) -> Option<Known> {
        match self {
            Self::Node(_) => None,
            Self::Export(offline) => {
                let (_, known_ms) = offline.known();
                let scopes = offline.scopes().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Some(Known { scopes, until: clock::rfc3339(known_ms), age: clock::age(clock::now_ms(), known_ms) })
            }
        }
    }
}

/// How much an export knows, in words.
pub struct Known {
    /// The scopes that it holds.
    pub scopes: String,
    /// The moment up to which it knows them.
    pub until: String,
    /// How long ago that was.
    pub age: String,
}
