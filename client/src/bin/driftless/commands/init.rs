//! `init`: a new mesh on disk – keys, genesis, grants, and a ready-to-run configuration for each node. It needs no node.

pub mod peer;
mod settings;

use std::path::{Path as FilePath, PathBuf};

use driftless_client::sign::Frame;
use driftless_client::{Signer, bundle, clock};
use driftless_statement::{
    Grant, MeshId, Note, Prefix, PublicKey, Scope, SecretKey, StatementId, Verb, Verbs, Verified,
};
use serde::Serialize;

use crate::args::InitArgs;
use crate::exit::Failure;
use crate::out::Out;
use settings::{Node, SOCKET};

use super::keys::create;

/// The longest socket path that the system takes everywhere, as driftlessd checks it too.
const SOCKET_BYTES: usize = 100;

/// What was made, for programs.
#[derive(Debug, Serialize)]
struct Made {
    mesh: MeshId,
    name: String,
    bundle: PathBuf,
    root_key: PathBuf,
    operator_key: PathBuf,
    operator: PublicKey,
    nodes: Vec<MadeNode>,
}

#[derive(Debug, Serialize)]
struct MadeNode {
    name: String,
    key: PublicKey,
    peer_id: String,
    config: PathBuf,
    endpoint: String,
}

pub fn run(arguments: &InitArgs, out: Out) -> Result<(), Failure> {
    check(arguments)?;
    let directory =
        std::path::absolute(&arguments.directory).map_err(|error| Failure::file(&arguments.directory, error))?;
    make_directory(&directory)?;
    let made = make(arguments, &directory)?;
    out.show(&made, |_| format!("{}\n", made.mesh))?;
    out.say(&next_steps(&made));
    Ok(())
}

fn check(arguments: &InitArgs) -> Result<(), Failure> {
    if arguments.name.is_empty() || arguments.name.len() > driftless_statement::limits::MESH_NAME_BYTES {
        return Err(Failure::Usage("--name: from 1 to 64 bytes".to_owned()));
    }
    if arguments.name.chars().any(char::is_control) {
        return Err(Failure::Usage("--name: must be one line of text".to_owned()));
    }
    if u32::from(arguments.base_port) + u32::from(arguments.nodes) > 65_536 {
        return Err(Failure::Usage("--base-port: too high for that many nodes".to_owned()));
    }
    let scopes = arguments.scopes.iter().collect::<std::collections::BTreeSet<_>>();
    if scopes.len() > driftless_statement::limits::GRANT_SCOPES {
        return Err(Failure::Usage(format!("--scopes: at most {}", driftless_statement::limits::GRANT_SCOPES)));
    }
    if let Some(prefix) = arguments.node_write.iter().find(|prefix| prefix.as_str().starts_with('@')) {
        return Err(Failure::Usage(format!("--node-write {prefix}: nodes do not write in @mesh")));
    }
    Ok(())
}

/// Makes the directory, or takes an empty one; anything else might be a mesh whose keys would be lost.
fn make_directory(directory: &FilePath) -> Result<(), Failure> {
    let longest = directory.join("node-100").join(SOCKET);
    if longest.as_os_str().len() > SOCKET_BYTES {
        let text =
            "its path is too long for the nodes' sockets (100 bytes with /node-N/driftless.sock); choose a shorter one";
        return Err(Failure::file(directory, text));
    }
    std::fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
    let mut entries = std::fs::read_dir(directory).map_err(|error| Failure::file(directory, error))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Failure::file(
            directory,
            "is not empty, and nothing in it is ever overwritten; choose another directory",
        )),
    }
}

fn make(arguments: &InitArgs, directory: &FilePath) -> Result<Made, Failure> {
    let root_key = directory.join("root.key");
    let operator_key = directory.join("operator.key");
    let root = create(&root_key)?;
    let operator = create(&operator_key)?.public();
    let mut nodes = Vec::new();
    for number in 1..=arguments.nodes {
        let home = directory.join(format!("node-{number}"));
        std::fs::create_dir(&home).map_err(|error| Failure::file(&home, error))?;
        let key = create(&home.join("node.key"))?.public();
        nodes.push(Node { name: format!("node-{number}"), key, port: arguments.base_port + number - 1, home });
    }
    let statements = found(root, arguments, operator, &nodes)?;
    let mesh = statements.first().map(|genesis| MeshId::from(genesis.id()));
    let mesh = mesh.ok_or_else(|| Failure::Usage("no genesis was made".to_owned()))?;
    let file = directory.join("mesh.bundle");
    write(&file, &bundle::encode(statements.iter().map(|statement| &**statement.wire())))?;
    for node in &nodes {
        write(&node.home.join("driftlessd.toml"), settings::file(node, &nodes, mesh, &arguments.name).as_bytes())?;
    }
    let nodes = nodes.iter().map(made_node).collect();
    Ok(Made { mesh, name: arguments.name.clone(), bundle: file, root_key, operator_key, operator, nodes })
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

fn write(file: &FilePath, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(file, bytes).map_err(|error| Failure::file(file, error))
}

/// Genesis and the first grants, all by the root key, in an order in which each can be taken in.
fn found(root: SecretKey, arguments: &InitArgs, operator: PublicKey, nodes: &[Node]) -> Result<Vec<Verified>, Failure> {
    let root = Signer::new(root);
    let now = clock::now_ms();
    let genesis = root.genesis(vec![root.public()], 1, &arguments.name, now)?;
    let mut scopes: Vec<Scope> = arguments.scopes.clone();
    scopes.sort();
    scopes.dedup();
    let give = |key, verbs: &[Verb], prefix: Prefix, scopes: Vec<Scope>| Grant {
        key,
        verbs: Verbs::from_iter(verbs.iter().copied()),
        prefix,
        scopes,
    };
    let operates = [Verb::Write, Verb::Approve, Verb::Delegate, Verb::Revoke, Verb::Operate];
    let mut grants = vec![give(operator, &operates, Prefix::all(), Vec::new())];
    for node in nodes {
        grants.push(give(node.key, &[Verb::Member], Prefix::all(), scopes.clone()));
        grants.extend(
            arguments.node_write.iter().map(|prefix| give(node.key, &[Verb::Write], prefix.clone(), Vec::new())),
        );
    }
    let mut statements = vec![genesis];
    let (mesh, epoch) = match statements.first() {
        Some(genesis) => (MeshId::from(genesis.id()), genesis.id()),
        None => (MeshId::UNFOUNDED, StatementId::NONE),
    };
    for grant in grants {
        let Some(last) = statements.last() else { break };
        let frame =
            Frame { mesh, scope: Scope::mesh(), grant: epoch, prev: vec![last.id()], after: last.statement().hlc };
        statements.push(root.grant(&frame, grant, Note::default(), now)?);
    }
    Ok(statements)
}

fn next_steps(made: &Made) -> String {
    let start: String =
        made.nodes.iter().map(|node| format!("  driftlessd run --config {} &\n", quoted(&node.config))).collect();
    let endpoint = made.nodes.first().map(|node| quoted(FilePath::new(&node.endpoint))).unwrap_or_default();
    let name = context_name(&made.name);
    format!(
        "Made mesh {} ({}).\n\n\
         Start the nodes:\n{start}\n\
         Let this command line use the first one, with the operator's key:\n  \
         driftless context set {name} --endpoint {endpoint} --key {}\n  \
         driftless context use {name}\n  \
         driftless status\n\n\
         Keep {} away from here: only it can recover the mesh, and add nodes:\n  \
         driftless --key {} grant KEY member /",
        made.name,
        made.mesh.short(),
        quoted(&made.operator_key),
        made.root_key.display(),
        quoted(&made.root_key),
    )
}

/// A path as a word of a shell.
fn quoted(path: &FilePath) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@+,=".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn context_name(mesh: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = mesh.chars().map(fits).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "mesh".to_owned() } else { name.to_owned() }
}
