//! The page that explains every key, and the configuration in force as a file. Both are texts for people.

use std::fmt::Write;

use super::keys::{KEYS, Key, Kind, SECTIONS};
use super::parse;
use super::{Config, Source};

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from node/src/config/keys.rs: change that, then run
     DRIFTLESS_BLESS=1 cargo test -p driftless-node --test config page -->

`driftlessd` reads one TOML file (`--config FILE`), environment variables and flags. A flag wins over the environment,
that over the file, that over the default. Every key can be set in each of the three ways:

```console
$ driftlessd run --config node.toml --set reconcile.interval=10s
$ DRIFTLESS_RECONCILE_INTERVAL=10s driftlessd run --config node.toml
```

In flags and variables a list is written with commas (`DRIFTLESS_P2P_LISTEN=/ip4/0.0.0.0/tcp/7474,/ip6/::/tcp/7474`).
Durations carry their unit (`500ms`, `10s`, `2m`, `1h`), sizes may (`64KiB`, `4MiB`).
Relative paths in a file are relative to that file; elsewhere, to the working directory.

An unknown key or a value out of bounds is refused at the start, with everything that is wrong in one message.
`driftlessd config check FILE` does only that; `driftlessd config show` prints what is in force and where it came from.
";

/// `docs/configuration.md`.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (section, about) in SECTIONS {
        let _ = write!(
            page,
            "\n## `[{section}]`\n\n{about}\n\n| key | takes | default | meaning |\n| --- | --- | --- | --- |\n"
        );
        for key in KEYS.iter().filter(|key| key.section() == *section) {
            let _ = writeln!(page, "| `{}` | {} | {} | {} |", local_name(key), takes(key.kind), default(key), key.doc);
        }
    }
    page
}

fn local_name(key: &Key) -> &'static str {
    key.name.split_once('.').map_or(key.name, |(_, name)| name)
}

fn default(key: &Key) -> String {
    if key.default.is_empty() { key.unset.to_owned() } else { format!("`{}`", key.default) }
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or "),
        Kind::Path => "path".to_owned(),
        Kind::Hex => "64 hexadecimal digits".to_owned(),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Count(min, max) => format!("number, {min} to {max}"),
        Kind::Bytes(min, max) => format!("bytes, {} to {}", parse::show_bytes(min), parse::show_bytes(max)),
        Kind::Duration(min, max) => format!("duration, {} to {}", parse::show_millis(min), parse::show_millis(max)),
        Kind::Mode => "octal text".to_owned(),
        Kind::Address => "address:port".to_owned(),
        Kind::Addresses => "list of multiaddrs".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Roles => "tables".to_owned(),
    }
}

/// The configuration in force as TOML, with origins.
pub(super) fn show(config: &Config) -> String {
    let mut text = String::new();
    for (section, _) in SECTIONS {
        let _ = writeln!(text, "{}[{section}]", if text.is_empty() { "" } else { "\n" });
        for key in KEYS.iter().filter(|key| key.section() == *section) {
            let _ = match config.origins.iter().find(|(name, ..)| *name == key.name) {
                Some((_, value, source)) => writeln!(text, "{} = {value} # {}", local_name(key), comment(source)),
                None => writeln!(text, "# {} = {}", local_name(key), derived(config, key)),
            };
        }
    }
    text
}

/// A comment must stay on its line.
fn comment(source: &Source) -> String {
    source.to_string().chars().filter(|c| !c.is_control()).collect()
}

/// What holds for a key without default that nobody set.
fn derived(config: &Config, key: &Key) -> String {
    let path = |path: &std::path::Path| format!("{:?} (derived)", path.display().to_string());
    match key.name {
        "node.data_dir" => path(&config.node.data_dir),
        "node.key_file" => path(&config.node.key_file),
        "access.tokens_file" => path(&config.access.tokens_file),
        "http.socket" => config.http.socket.as_deref().map_or_else(String::new, path),
        _ => key.unset.to_owned(),
    }
}
