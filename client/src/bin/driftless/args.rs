//! What the command line accepts. It must not know what commands do.

pub mod audit;
mod authority;
mod secret;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use driftless_client::Endpoint;
use driftless_statement::path::BadPath;
use driftless_statement::{MeshId, Path, Prefix, PublicKey, Scope, StatementId};

pub use authority::{GrantArgs, KeysCommand, RevokeArgs, RoleCommand, RotateArgs, Until, verbs};

pub use secret::{RecipientsCommand, ResealArgs, SecretCommand, Source};
pub use token::{Expiry, TokenCommand, TokenNew};

/// Reads, changes and watches the configuration of a Driftless mesh.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done; 1 differs, or a condition is not
/// met; 2 wrong usage or input; 3 refused; 4 not found; 5 the node cannot be reached or understood; 6 out of time;
/// 7 a local file cannot be read or written.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Context to use: an endpoint and a key under one name (see `driftless context`).
    #[arg(long, global = true, env = "DRIFTLESS_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// Node to call: `unix:/path/to/socket` or `http://127.0.0.1:PORT`. Wins over the context.
    #[arg(long, global = true, env = "DRIFTLESS_ENDPOINT", value_name = "ENDPOINT")]
    pub endpoint: Option<Endpoint>,
    /// Key file to sign with. Wins over the context.
    #[arg(long, global = true, env = "DRIFTLESS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// File whose only line is the passphrase of the key file, or `/dev/fd/N`. Without it an encrypted key file asks on the terminal.
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// File that holds the token to show to the node. Wins over the context. The token itself may be in DRIFTLESS_TOKEN.
    #[arg(long, global = true, env = "DRIFTLESS_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How data is printed. Tables are for people; json and yaml are for programs and stay the same.
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// How long a call may take, and for `wait` the whole wait: `500ms`, `30s`, `5m`.
    #[arg(long, global = true, value_parser = duration, value_name = "DURATION")]
    pub timeout: Option<Duration>,
    /// Say more on standard error; twice for every step of a call.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, shortened ids.
    Table,
    /// JSON, ids whole.
    Json,
    /// JSON, one line for each thing listed.
    Jsonl,
    /// YAML, ids whole.
    Yaml,
}

/// Why, kept in the statement.
#[derive(Debug, Clone, Default, Args)]
pub struct NoteArgs {
    /// Why, in one line; kept in the statement.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Ticket; kept in the statement.
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
}

/// How a statement is signed: why, from what is known of the mesh, and where to.
#[derive(Debug, Clone, Default, Args)]
pub struct SigningArgs {
    #[command(flatten)]
    pub note: NoteArgs,
    /// Sign without a node, from this export (`driftless audit export`). May be given again, for bundles of what was signed since.
    #[arg(long, value_name = "EXPORT|BUNDLE")]
    pub from: Vec<PathBuf>,
    /// The mesh that the export must be of.
    #[arg(long, value_parser = audit::mesh, requires = "from", value_name = "ID")]
    pub mesh: Option<MeshId>,
    /// Write what was signed to this file, a bundle, and submit nothing. `driftless submit` hands it in at any node.
    #[arg(id = "bundle", long = "to", value_name = "BUNDLE")]
    pub to: Option<PathBuf>,
}

/// What to apply or compare.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// File, directory (walked), or `-` for standard input; JSON or YAML. May be given several times.
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE|DIR|-")]
    pub files: Vec<String>,
    /// The files are values, and their place below FILE|DIR gives their path below this prefix. Without it they hold
    /// documents, `{path: ..., value: ...}`.
    #[arg(long, value_name = "PREFIX", value_parser = prefix)]
    pub prefix: Option<Prefix>,
    /// Delete the entries below `--under` (or `--prefix`) that the input does not have.
    #[arg(long)]
    pub prune: bool,
    /// Where to prune.
    #[arg(long, value_name = "PREFIX", value_parser = prefix, requires = "prune")]
    pub under: Option<Prefix>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new mesh: keys, genesis, grants, and a ready-to-run configuration for each node.
    Init(InitArgs),
    /// Make a key, or show a key's public half.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Add a node to a mesh that runs.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Give a key verbs on a prefix; without arguments, list the grants.
    Grant(GrantArgs),
    /// Take from a key what it was granted on a prefix; without arguments, list the revocations.
    Revoke(RevokeArgs),
    /// Approve a write whose grant demands it, or add a root key's signature to a root act.
    Approve {
        /// The statement, a whole id.
        #[arg(value_parser = id)]
        id: StatementId,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Hand in bundles of statements that were signed elsewhere, at any node. Exits 0 when the node has all of them.
    Submit {
        /// Bundles: what `--to` wrote, or `log --export`. What the node has already is said, and does no harm.
        #[arg(required = true, value_name = "BUNDLE")]
        files: Vec<PathBuf>,
    },
    /// Show what bundles of statements say, without a node; with --from also what would become of it. Exits 1 when something would be void.
    Inspect {
        /// Bundles.
        #[arg(required = true, value_name = "BUNDLE")]
        files: Vec<PathBuf>,
        /// Judge them by this export. May be given again, for bundles that were signed before.
        #[arg(long, value_name = "EXPORT|BUNDLE")]
        from: Vec<PathBuf>,
        /// The mesh that the export must be of.
        #[arg(long, value_parser = audit::mesh, requires = "from", value_name = "ID")]
        mesh: Option<MeshId>,
    },
    /// List what waits for approvals and signatures, and who can give them.
    Pending {
        /// Only what is about this prefix; `/` is everything.
        #[arg(value_parser = prefix, default_value = "/")]
        prefix: Prefix,
        /// At most so many, the earliest first.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Keep named sets of verbs and terms, to grant them again and again.
    #[command(subcommand)]
    Role(RoleCommand),
    /// Make entries be what files say.
    Apply {
        #[command(flatten)]
        input: InputArgs,
        /// Show what would be signed, and sign nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Show what `apply` would change. Exits 0 when nothing, 1 when something, above 1 on trouble.
    Diff(InputArgs),
    /// Show an entry, or with a trailing slash the entries below a prefix.
    Get {
        /// Entry, or prefix with a trailing `/`. Default: everything.
        #[arg(default_value = "/", value_name = "PATH|PREFIX/")]
        target: String,
        /// Go on showing changes until stopped.
        #[arg(short, long)]
        watch: bool,
    },
    /// Set an entry's value, or a part of it.
    Set {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        /// JSON; what is no JSON and does not look like it is taken as text. `-` reads standard input.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// JSON Pointer of the part to set; `/list/-` appends.
        #[arg(long, value_name = "POINTER")]
        at: Option<String>,
        /// Take VALUE as text, whatever it looks like.
        #[arg(long)]
        text: bool,
        /// Only when the entry's entity tag is still this one.
        #[arg(long, value_name = "ETAG")]
        if_match: Option<String>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Edit an entry in $VISUAL or $EDITOR, as YAML.
    Edit {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Delete entries.
    Delete {
        #[arg(value_parser = Path::parse, required = true)]
        paths: Vec<Path>,
        /// Only when the entry's entity tag is still this one (with one PATH).
        #[arg(long, value_name = "ETAG")]
        if_match: Option<String>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Show the statements about an entry, latest first.
    History {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Say why an entry reads as it does: who wrote each part, on whose authority, and what is kept out.
    Explain {
        /// Path of the entry, like `shop/checkout/limits`
        #[arg(value_parser = Path::parse)]
        path: Path,
    },
    /// Show concurrent edits that touch the same place.
    Conflicts {
        /// Only below this prefix.
        #[arg(default_value = "", value_parser = prefix, hide_default_value = true)]
        prefix: Prefix,
        /// How many at most.
        #[arg(short = 'n', long, default_value_t = 100, value_name = "COUNT")]
        limit: u32,
    },
    /// Show the nodes of the mesh: what they hold, how far they are, who is silent.
    Status,
    /// Wait until a change is effective on nodes.
    Wait {
        #[arg(value_parser = id)]
        id: StatementId,
        /// On how many: `all`, a share like `50%`, or a number.
        #[arg(long = "for", default_value = "all", value_name = "all|N%|N", value_parser = goal)]
        goal: Goal,
    },
    /// Show all statements, latest first.
    Log {
        /// Only of this scope.
        #[arg(long, value_parser = Scope::parse)]
        scope: Option<Scope>,
        /// Write them all to a file as they were signed, instead of showing any: a bundle, oldest first.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "long"])]
        export: Option<PathBuf>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Say who did what, when, why, and what became of it; export that, and judge an export without a node.
    Audit(audit::AuditArgs),
    /// Show who may do what, and by which grants.
    #[command(subcommand)]
    Trust(audit::TrustCommand),
    /// Make, list and revoke tokens for the local API of a node on this machine.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Seal secrets to groups of recipients, open them, rotate them, and keep the groups.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// List, choose and change contexts.
    #[command(subcommand)]
    Context(ContextCommand),
    /// Print a completion script for a shell.
    Completion {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Show the versions of this program and, when it answers, of the node.
    Version,
}

/// Pages of statements.
#[derive(Debug, Clone, Args)]
pub struct PageArgs {
    /// How many at most.
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Show every edit and the note of each.
    #[arg(long)]
    pub long: bool,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Directory to make. It must not exist, or be empty.
    pub directory: PathBuf,
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub nodes: u16,
    /// The mesh's name, for people.
    #[arg(long, default_value = "mesh")]
    pub name: String,
    /// Scopes that the nodes hold. Default: all.
    #[arg(long, value_delimiter = ',', value_parser = Scope::parse, value_name = "SCOPE,...")]
    pub scopes: Vec<Scope>,
    /// Let the nodes themselves write below this prefix, for the services beside them. May be given several times.
    #[arg(long, value_parser = prefix, value_name = "PREFIX")]
    pub node_write: Vec<Prefix>,
    /// How many root keys; more than half of them must sign grants and revocations by root keys.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub roots: u16,
    /// First UDP and TCP port on loopback; each node takes the next one.
    #[arg(long, default_value_t = 7480, value_parser = clap::value_parser!(u16).range(1..))]
    pub base_port: u16,
}

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Make the key and a ready-to-run configuration of one more node, and grant it to be a member.
    ///
    /// Sign with the root key, or with one that may delegate `member`: `--key root.key`. The new node needs no bundle: it
    /// learns everything from the first peer that it reaches.
    Add(NodeArgs),
}

#[derive(Debug, Args)]
pub struct NodeArgs {
    /// Its name, for people: at most 64 of A-Z a-z 0-9 . _ -
    pub name: String,
    /// Directory to make for it. It must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Running node for it to connect to, with its key: `/dns4/a.example/tcp/7474/p2p/12D3Koo...`. May be given several times.
    #[arg(long = "peer", value_delimiter = ',', value_name = "MULTIADDR", required_unless_present = "like")]
    pub peers: Vec<String>,
    /// Configuration of a node of this mesh, to take `p2p.peers` from. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub like: Vec<PathBuf>,
    /// Address where its peers reach it. Default: port 7474 on every address of its machine, TCP and QUIC.
    #[arg(long, value_delimiter = ',', value_name = "MULTIADDR,...")]
    pub listen: Vec<String>,
    /// Scopes that it may hold. Default: all.
    #[arg(long, value_delimiter = ',', value_parser = Scope::parse, value_name = "SCOPE,...")]
    pub scopes: Vec<Scope>,
    /// Let the node itself write below this prefix, for the services beside it. May be given several times.
    #[arg(long, value_parser = prefix, value_name = "PREFIX")]
    pub node_write: Vec<Prefix>,
    #[command(flatten)]
    pub signing: SigningArgs,
}

#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List contexts; the current one is marked.
    List,
    /// Make a context the current one.
    Use {
        /// Its name.
        name: String,
    },
    /// Make or change a context from --endpoint, --key and --token-file.
    Set {
        /// Its name.
        name: String,
    },
    /// Forget a context. Key files stay.
    Delete {
        /// Its name.
        name: String,
    },
    /// Show what is in force: endpoint and key, and where each comes from.
    Show,
}

/// On how many nodes a change must be effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// On every node expected to hold it.
    All,
    /// On this share of them, in percent.
    Percent(u32),
    /// On this many.
    Count(u32),
}

fn goal(text: &str) -> Result<Goal, String> {
    let bad = || format!("{text:?}: write `all`, a share from 1% to 100%, or a number from 1");
    if text == "all" {
        return Ok(Goal::All);
    }
    match text.strip_suffix('%') {
        Some(share) => share.parse().ok().filter(|share| (1..=100).contains(share)).map(Goal::Percent).ok_or_else(bad),
        None => text.parse().ok().filter(|count| *count > 0).map(Goal::Count).ok_or_else(bad),
    }
}

/// A prefix, with or without slashes around it; `/` is everything.
pub fn prefix(text: &str) -> Result<Prefix, BadPath> {
    let inner = text.strip_prefix('/').unwrap_or(text);
    Prefix::parse(inner.strip_suffix('/').unwrap_or(inner))
}

fn id(text: &str) -> Result<StatementId, String> {
    text.parse().map_err(|error| format!("{error}; the whole id stands in `-o json`"))
}

fn key(text: &str) -> Result<PublicKey, String> {
    let key: PublicKey = text.parse().map_err(|error| format!("{error}"))?;
    if driftless_statement::sign::is_sound(&key) { Ok(key) } else { Err("not a sound Ed25519 public key".to_owned()) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?}: write a number and its unit, like `500ms`, `30s`, `5m`, `1h`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let number: u64 = digits.parse().map_err(|_| bad())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    let length = number.checked_mul(millis).filter(|length| (1..=7 * 24 * 3_600_000).contains(length));
    length.map(Duration::from_millis).ok_or_else(|| format!("{text:?}: from 1ms to 168h"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::*;

    const SECRET: &[&str] = &[
        "secret set a/b --group g --from-file f --force -m x",
        "secret set a/b --generate 32",
        "secret get a/b --identity f --show",
        "secret rotate a/b --generate 32 -m x",
        "secret recipients list g",
        "secret recipients add g n age1x -m x --dry-run",
        "secret recipients add g n age1x --replace --reseal --identity f",
        "secret recipients add g n --from-node",
        "secret recipients remove g n --reseal --identity f --dry-run -m x",
        "secret reseal g --identity f --dry-run -m x",
        "secret status a",
    ];

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    const PLAIN: [&str; 6] =
        ["completion bash", "context list", "context use a", "context set a", "context delete a", "context show"];

    /// Options that go with every command share their names with nothing in any of them.
    #[test]
    fn every_command_is_read_with_every_option() {
        let key = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
        let commands = [
            "init d --nodes 1 --roots 3 --name x --scopes a,b --node-write a --base-port 1",
            "keys new f",
            "keys show",
            "node add n --out d --peer /a --like f --listen /b,/c --scopes a,b --node-write a -m x",
            "grant",
            &format!("grant {key} member,write / --scopes a,b -m x"),
            &format!("grant {key} write shop --again"),
            &format!("grant {key} write shop --approvals 1:{key} --delete-approvals 1:{key} --not-after 30d"),
            &format!("grant {key} member / --label region=eu --label zone=A --not-after 2030-01-01T00:00:00Z"),
            &format!("grant {key} --role deployer -m x"),
            "role list",
            &format!("role set deployer write,approve shop --approvals 1:{key} --not-after 12h -m x"),
            "role delete deployer -m x",
            &format!("keys rotate --roots {key} --threshold 1 --accept-nothing --dry-run -m x"),
            &format!("set a/b 1 --from e --from b --mesh {key} --to c -m x"),
            &format!("approve {key} --from e --to c"),
            "submit a b",
            &format!("inspect a b --from e --mesh {key}"),
            "keys new f --passphrase --passphrase-file p",
            "keys passphrase f --new-passphrase-file n",
            "keys passphrase f --remove",
            "pending",
            "pending shop --limit 3",
            "revoke",
            &format!("revoke {key} shop --accept-up-to 2h --dry-run -m x"),
            &format!("revoke {key} --flood --since 2h --to f -m x"),
            &format!("approve {key} -m x"),
            "apply -f a -f - --prune --under a --dry-run -m x --ticket y",
            "diff -f a --prefix a",
            "get a/ --watch",
            "get",
            "set a/b -1 --at /x --if-match e -m x",
            "set a/b x --text",
            "edit a/b -m x",
            "delete a/b a/c",
            "history a/b -n 3 --long",
            "explain a/b",
            "conflicts a -n 3",
            "status",
            &format!("wait {key} --for 50%"),
            "log --scope @mesh -n 3",
            "log --export a",
            "audit",
            &format!("audit shop --author {key} --since 2h --until 1h --kind write --outcome void -n 3 --long"),
            "audit export f --scope shop",
            &format!("audit verify f --mesh {key}"),
            "trust show --from f",
            &format!("trust check {key} write shop/a --from f --mesh {key}"),
            "token new n --tokens f --read / --write shop/a --observe --submit --expires 30d",
            "token list --tokens f",
            "token revoke n --tokens f",
            "version",
        ];
        let options = "--context c --endpoint unix:/s --key k --token-file t -o json --timeout 5s -v";
        for command in commands.into_iter().chain(PLAIN).chain(SECRET.iter().copied()) {
            let line = format!("driftless {command} {options}");
            let read = Arguments::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string());
            let global = read.unwrap().global;
            assert_eq!(global.key, Some(PathBuf::from("k")), "{line}");
            assert_eq!((global.context.as_deref(), global.verbose), (Some("c"), 1), "{line}");
        }
    }

    #[test]
    fn goals_and_durations_are_read() {
        assert_eq!(goal("all").unwrap(), Goal::All);
        assert_eq!(goal("50%").unwrap(), Goal::Percent(50));
        assert_eq!(goal("2").unwrap(), Goal::Count(2));
        assert!(["0", "0%", "101%", "most", ""].into_iter().all(|text| goal(text).is_err()));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        assert!(
            ["", "3", "0s", "-1s", "1d", "1.5s", "99999999999999999999s"].into_iter().all(|t| duration(t).is_err())
        );
    }
}
