//! `init`: founds a mesh and says what to do next. It needs no node.

use std::path::Path as FilePath;

use driftless_client::founding::{self, FoundingError, Made, Plan};

use crate::args::InitArgs;
use crate::exit::Failure;
use crate::out::Out;

pub fn run(arguments: &InitArgs, out: Out) -> Result<(), Failure> {
    let plan = Plan {
        name: arguments.name.clone(),
        nodes: arguments.nodes,
        base_port: arguments.base_port,
        scopes: arguments.scopes.clone(),
        node_write: arguments.node_write.clone(),
        roots: arguments.roots,
    };
    let made = founding::found(&arguments.directory, &plan).map_err(failure)?;
    out.show(&made, |_| format!("{}\n", made.mesh))?;
    out.say(&next_steps(&made));
    Ok(())
}

pub fn failure(error: FoundingError) -> Failure {
    match error {
        FoundingError::Plan(text) => Failure::Usage(text),
        FoundingError::File { path, reason } => Failure::file(&path, reason),
        FoundingError::Key(error) => error.into(),
        FoundingError::Sign(error) => error.into(),
    }
}

fn next_steps(made: &Made) -> String {
    let start: String =
        made.nodes.iter().map(|node| format!("  driftlessd run --config {} &\n", quoted(&node.config))).collect();
    let endpoint = made.nodes.first().map(|node| quoted(FilePath::new(&node.endpoint))).unwrap_or_default();
    let name = context_name(&made.name);
    let several = format!(
        "\n\nGive each of the {} root keys to somebody else, on another machine: what one of them grants or revokes, the others \
         `driftless approve`.",
        made.more_root_keys.len() + 1
    );
    let several = if made.more_root_keys.is_empty() { "" } else { several.as_str() };
    format!(
        "Made mesh {} ({}).\n\n\
         Start the nodes:\n{start}\n\
         Let this command line use the first one, with the operator's key:\n  \
         driftless context set {name} --endpoint {endpoint} --key {}\n  \
         driftless context use {name}\n  \
         driftless status\n\n\
         Keep {} away from here: only it can recover the mesh, and add nodes:\n  \
         driftless --key {} node add NAME --out DIR --like {}{several}",
        made.name,
        made.mesh.short(),
        quoted(&made.operator_key),
        made.root_key.display(),
        quoted(&made.root_key),
        made.nodes.first().map(|node| quoted(&node.config)).unwrap_or_default(),
    )
}

/// A path as a word of a shell.
pub fn quoted(path: &FilePath) -> String {
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
