//! Founding: a new mesh on disk – keys, genesis, grants, and a ready-to-run configuration for each node; and later the
//! directory of one node more. It needs no node, and overwrites nothing.

pub mod joining;
pub mod peer;
mod settings;

use std::path::{Path as FilePath, PathBuf};

use driftless_statement::{
    Grant, MeshId, Note, Prefix, PublicKey, Scope, SecretKey, StatementId, Terms, Verb, Verbs, Verified, limits,
};
use serde::Serialize;

use crate::keys::{self, KeyError};
use crate::sign::{Frame, SignError, Signer};
use crate::{bundle, clock};
use settings::{Node, SOCKET};

/// The longest socket path that the system takes everywhere, as driftlessd checks it too.
const SOCKET_BYTES: usize = 100;

/// What to found.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The mesh's name, for people.
    pub name: String,
    /// How many nodes: at least one, at most 100.
    pub nodes: u16,
    /// First UDP and TCP port on loopback; each node takes the next one.
    pub base_port: u16,
    /// Scopes that the nodes hold; none: all.
    pub scopes: Vec<Scope>,
    /// Prefixes below which the nodes themselves may write, for the services beside them.
    pub node_write: Vec<Prefix>,
    /// How many root keys: at least one, at most 32. More than half of them must sign a root act.
    pub roots: u16,
}

impl Plan {
    /// How many root keys must sign a root act.
    pub fn threshold(&self) -> u64 {
        u64::from(self.roots) / 2 + 1
    }
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The mesh.
    pub mesh: MeshId,
    /// Its name.
    pub name: String,
    /// Genesis and the first grants.
    pub bundle: PathBuf,
    /// The root key's file: only it can recover the mesh, and add nodes.
    pub root_key: PathBuf,
    /// The files of the other root keys, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_root_keys: Vec<PathBuf>,
    /// The operator key's file: what changes are signed with.
    pub operator_key: PathBuf,
    /// The operator's public key.
    pub operator: PublicKey,
    /// The nodes.
    pub nodes: Vec<MadeNode>,
}

/// One node to be.
#[derive(Debug, Serialize)]
pub struct MadeNode {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: PublicKey,
    /// The same as multiaddresses carry it.
    pub peer_id: String,
    /// Its configuration file.
    pub config: PathBuf,
    /// Where services and operators will reach it.
    pub endpoint: String,
}

/// Why no mesh was founded. Files made before the failure remain; nothing that was there before was changed.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// The plan cannot be carried out; nothing was made.
    #[error("{0}")]
    Plan(String),
    /// A file or directory cannot be made.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A statement cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn file_error(path: &FilePath, reason: impl ToString) -> FoundingError {
    FoundingError::File { path: path.to_owned(), reason: reason.to_string() }
}

/// Founds a mesh in a directory that does not exist yet, or is empty.
pub fn found(directory: &FilePath, plan: &Plan) -> Result<Made, FoundingError> {
    check(plan)?;
    let directory = std::path::absolute(directory).map_err(|error| file_error(directory, error))?;
    make_directory(&directory, "node-100/driftless.sock")?;
    make(plan, &directory)
}

fn check(plan: &Plan) -> Result<(), FoundingError> {
    if plan.name.is_empty() || plan.name.len() > limits::MESH_NAME_BYTES {
        return Err(FoundingError::Plan("--name: from 1 to 64 bytes".to_owned()));
    }
    if plan.name.chars().any(char::is_control) {
        return Err(FoundingError::Plan("--name: must be one line of text".to_owned()));
    }
    if u32::from(plan.base_port) + u32::from(plan.nodes) > 65_536 {
        return Err(FoundingError::Plan("--base-port: too high for that many nodes".to_owned()));
    }
    if !(1..=limits::ROOT_KEYS).contains(&usize::from(plan.roots)) {
        return Err(FoundingError::Plan(format!("--roots: from 1 to {}", limits::ROOT_KEYS)));
    }
    let scopes = plan.scopes.iter().collect::<std::collections::BTreeSet<_>>();
    if scopes.len() > limits::GRANT_SCOPES {
        return Err(FoundingError::Plan(format!("--scopes: at most {}", limits::GRANT_SCOPES)));
    }
    if let Some(prefix) = plan.node_write.iter().find(|prefix| prefix.as_str().starts_with('@')) {
        return Err(FoundingError::Plan(format!("--node-write {prefix}: nodes do not write in @mesh")));
    }
    Ok(())
}

/// Makes the directory, or takes an empty one; anything else might be a mesh whose keys would be lost.
fn make_directory(directory: &FilePath, socket: &str) -> Result<(), FoundingError> {
    if directory.join(socket).as_os_str().len() > SOCKET_BYTES {
        let text = format!("its path is too long for a socket (100 bytes with /{socket}); choose a shorter one");
        return Err(file_error(directory, text));
    }
    std::fs::create_dir_all(directory).map_err(|error| file_error(directory, error))?;
    let mut entries = std::fs::read_dir(directory).map_err(|error| file_error(directory, error))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => {
            Err(file_error(directory, "is not empty, and nothing in it is ever overwritten; choose another directory"))
        }
    }
}

fn make(plan: &Plan, directory: &FilePath) -> Result<Made, FoundingError> {
    let root_key = directory.join("root.key");
    let operator_key = directory.join("operator.key");
    let more_root_keys: Vec<PathBuf> =
        (2..=plan.roots).map(|number| directory.join(format!("root-{number}.key"))).collect();
    let mut roots = vec![keys::create(&root_key)?];
    for file in &more_root_keys {
        roots.push(keys::create(file)?);
    }
    let operator = keys::create(&operator_key)?.public();
    let mut nodes = Vec::new();
    for number in 1..=plan.nodes {
        let home = directory.join(format!("node-{number}"));
        std::fs::create_dir(&home).map_err(|error| file_error(&home, error))?;
        let key = keys::create(&home.join("node.key"))?.public();
        nodes.push(Node { name: format!("node-{number}"), key, port: plan.base_port + number - 1, home });
    }
    let statements = first_statements(roots, plan, operator, &nodes)?;
    let mesh = statements.first().map(|genesis| MeshId::from(genesis.id()));
    let mesh = mesh.ok_or_else(|| FoundingError::Plan("no genesis was made".to_owned()))?;
    let file = directory.join("mesh.bundle");
    write(&file, &bundle::encode(statements.iter().map(|statement| statement.wire())))?;
    for node in &nodes {
        write(&node.home.join("driftlessd.toml"), settings::file(node, &nodes, mesh, &plan.name).as_bytes())?;
    }
    let nodes = nodes.iter().map(made_node).collect();
    let name = plan.name.clone();
    Ok(Made { mesh, name, bundle: file, root_key, more_root_keys, operator_key, operator, nodes })
}

fn made_node(node: &Node) -> MadeNode {
    MadeNode {
        name: node.name.clone(),
        key: node.key,
        peer_id: peer::id(&node.key),
        config: node.home.join("driftlessd.toml"),
        endpoint: format!("unix:{}", node.home.join(SOCKET).display()),
    }
}

fn write(file: &FilePath, bytes: &[u8]) -> Result<(), FoundingError> {
    std::fs::write(file, bytes).map_err(|error| file_error(file, error))
}

/// Genesis and the first grants, signed by as many root keys as must, in an order in which each can be taken in.
fn first_statements(
    roots: Vec<SecretKey>,
    plan: &Plan,
    operator: PublicKey,
    nodes: &[Node],
) -> Result<Vec<Verified>, FoundingError> {
    let roots: Vec<Signer> = roots.into_iter().map(Signer::new).collect();
    let Some((root, others)) = roots.split_first() else { return Ok(Vec::new()) };
    let approving = others.get(..plan.threshold() as usize - 1).unwrap_or_default();
    let now = clock::now_ms();
    let genesis = root.genesis(roots.iter().map(Signer::public).collect(), plan.threshold(), &plan.name, now)?;
    let mut scopes: Vec<Scope> = plan.scopes.clone();
    scopes.sort();
    scopes.dedup();
    let give = |key, verbs: &[Verb], prefix: Prefix, scopes: Vec<Scope>| Grant {
        key,
        verbs: Verbs::from_iter(verbs.iter().copied()),
        prefix,
        scopes,
        terms: Terms::default(),
    };
    let operates = [Verb::Write, Verb::Approve, Verb::Delegate, Verb::Revoke, Verb::Operate];
    let mut grants = vec![give(operator, &operates, Prefix::all(), Vec::new())];
    for node in nodes {
        grants.push(give(node.key, &[Verb::Member], Prefix::all(), scopes.clone()));
        grants.extend(plan.node_write.iter().map(|prefix| give(node.key, &[Verb::Write], prefix.clone(), Vec::new())));
    }
    let mut statements = vec![genesis];
    let (mesh, epoch) = match statements.first() {
        Some(genesis) => (MeshId::from(genesis.id()), genesis.id()),
        None => (MeshId::UNFOUNDED, StatementId::NONE),
    };
    let scope = Scope::mesh();
    let mut lasts: Vec<Vec<StatementId>> = vec![Vec::new(); roots.len()];
    lasts.iter_mut().take(1).for_each(|last| last.push(epoch));
    for grant in grants {
        let Some((own, theirs)) = lasts.split_first_mut() else { break };
        let after = statements.last().map(|last| last.statement().hlc).unwrap_or_default();
        let frame = Frame { mesh, scope: scope.clone(), grant: epoch, prev: own.clone(), after };
        let given = root.grant(&frame, grant, &[], Note::default(), now)?;
        *own = vec![given.id()];
        let mut after = given.statement().hlc;
        let act = given.id();
        statements.push(given);
        for (other, last) in approving.iter().zip(theirs) {
            let frame = Frame { mesh, scope: scope.clone(), grant: epoch, prev: last.clone(), after };
            let approval = other.approve(&frame, Scope::mesh(), act, Note::default(), now)?;
            *last = vec![approval.id()];
            after = approval.statement().hlc;
            statements.push(approval);
        }
    }
    Ok(statements)
}
