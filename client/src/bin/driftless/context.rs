//! Contexts: an endpoint and a key file under a name, in one TOML file in the user's configuration directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use driftless_client::Endpoint;
use serde::{Deserialize, Serialize};

use crate::args::Global;
use crate::exit::Failure;
use crate::files;

/// The file of contexts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one in force when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Node to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Key file to sign with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// File that holds the token to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

/// What is in force, and where each part comes from.
#[derive(Debug, Clone, Serialize)]
pub struct InForce {
    pub context: Option<String>,
    pub endpoint: Option<Endpoint>,
    pub endpoint_from: &'static str,
    pub key: Option<PathBuf>,
    pub key_from: &'static str,
    pub token_file: Option<PathBuf>,
    pub token_from: &'static str,
}

/// Where the file lies: `$DRIFTLESS_CONTEXTS`, else below `$XDG_CONFIG_HOME`, else below `$HOME/.config`.
pub fn file() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below = |dir: PathBuf| dir.join("driftless").join("contexts.toml");
    set("DRIFTLESS_CONTEXTS")
        .or_else(|| set("XDG_CONFIG_HOME").map(below))
        .or_else(|| set("HOME").map(|home| below(home.join(".config"))))
        .ok_or_else(|| Failure::Usage("no place for contexts: set HOME, XDG_CONFIG_HOME or DRIFTLESS_CONTEXTS".into()))
}

/// Reads the file; a missing one holds no contexts.
pub fn load(file: &Path) -> Result<Contexts, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Contexts::default()),
        Err(error) => return Err(Failure::file(file, error)),
    };
    // Without the line itself, which the parser's own form shows: it may be a key's.
    let line = |error: &toml::de::Error| Some(text.get(..error.span()?.start)?.lines().count().max(1));
    let place = |error: &toml::de::Error| line(error).map_or_else(String::new, |line| format!("line {line}: "));
    toml::from_str(&text).map_err(|error| Failure::file(file, format!("{}{}", place(&error), error.message())))
}

/// Writes the file in place of the old one.
pub fn save(file: &Path, contexts: &Contexts) -> Result<(), Failure> {
    let text = toml::to_string_pretty(contexts).map_err(|error| Failure::file(file, error))?;
    file.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|error| Failure::file(file, error))?;
    files::write(file, text.as_bytes())
}

/// A name that fits in one word of a shell.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) && !name.starts_with('-') {
        return Ok(());
    }
    Err(Failure::Usage(format!("context name {name:?}: at most 64 of A-Z a-z 0-9 . _ - @, not beginning with -")))
}

/// What flags, environment and contexts say together.
pub fn in_force(global: &Global, contexts: &Contexts) -> Result<InForce, Failure> {
    let name = global.context.clone().or_else(|| contexts.current.clone());
    let context = match &name {
        None => Context::default(),
        Some(name) => contexts.contexts.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = contexts.contexts.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            Failure::NotFound(format!(
                "no context is called {name:?} (there is: {known}); make it with `driftless context set {name}`"
            ))
        })?,
    };
    let from = |given: bool, context: bool| match (given, context) {
        (true, _) => "flag or environment",
        (false, true) => "context",
        (false, false) => "nothing",
    };
    Ok(InForce {
        endpoint_from: from(global.endpoint.is_some(), context.endpoint.is_some()),
        key_from: from(global.key.is_some(), context.key.is_some()),
        token_from: from(global.token_file.is_some(), context.token_file.is_some()),
        token_file: global.token_file.clone().or(context.token_file),
        endpoint: global.endpoint.clone().or(context.endpoint),
        key: global.key.clone().or(context.key),
        context: name,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn global(context: Option<&str>, endpoint: Option<&str>) -> Global {
        Global {
            context: context.map(str::to_owned),
            endpoint: endpoint.map(|text| text.parse().unwrap()),
            key: None,
            passphrase_file: None,
            token_file: None,
            output: None,
            timeout: None,
            verbose: 0,
        }
    }

    fn contexts() -> Contexts {
        toml::from_str(
            "current = \"a\"\n[contexts.a]\nendpoint = \"unix:/a\"\nkey = \"/k\"\n[contexts.b]\nendpoint = \"unix:/b\"\n",
        )
        .unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_named_context_and_that_over_the_current_one() {
        let shown = |context, endpoint| in_force(&global(context, endpoint), &contexts()).unwrap();
        assert_eq!(shown(None, None).endpoint.unwrap().to_string(), "unix:/a");
        assert_eq!(shown(Some("b"), None).endpoint.unwrap().to_string(), "unix:/b");
        assert_eq!(shown(Some("b"), None).key, None);
        let flagged = shown(None, Some("unix:/c"));
        assert_eq!(
            (flagged.endpoint.unwrap().to_string().as_str(), flagged.endpoint_from),
            ("unix:/c", "flag or environment")
        );
        assert_eq!(flagged.key.unwrap(), PathBuf::from("/k"));
        assert!(in_force(&global(Some("z"), None), &contexts()).is_err());
    }

    #[test]
    fn survives_the_disk_and_refuses_unknown_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep").join("contexts.toml");
        assert_eq!(load(&file).unwrap(), Contexts::default());
        save(&file, &contexts()).unwrap();
        assert_eq!(load(&file).unwrap(), contexts());
        std::fs::write(&file, "curent = \"a\"\n").unwrap();
        assert!(matches!(load(&file), Err(Failure::File { .. })));
    }
}
