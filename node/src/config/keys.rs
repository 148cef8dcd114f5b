//! Every key there is: its name, kind, bounds, default and meaning. The page `docs/configuration.md`, the checks and
//! the environment variables all follow from this table.

/// What kind of value a key takes, with its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A short text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path of a file or directory. Relative ones in a file are relative to that file.
    Path,
    /// 64 lowercase hexadecimal digits.
    Hex,
    /// `true` or `false`.
    Flag,
    /// A whole number between these.
    Count(u64, u64),
    /// Bytes between these: a number, or a text with unit (`64KiB`, `4MiB`, `1GiB`).
    Bytes(u64, u64),
    /// A duration between these, in milliseconds: a text with unit (`500ms`, `10s`, `2m`, `1h`).
    Duration(u64, u64),
    /// Permission bits in octal, as a text: `0660`.
    Mode,
    /// An address and port: `127.0.0.1:7475`.
    Address,
    /// A list of multiaddrs.
    Addresses,
    /// A list of texts.
    Texts,
    /// Roles, each a table.
    Roles,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as TOML; empty when there is none, then `unset` says what holds.
    pub default: &'static str,
    /// What holds when it is not set and has no default.
    pub unset: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// The sections in their order, and what they are about.
pub const SECTIONS: &[(&str, &str)] = &[
    ("node", "Who this node is and where it keeps things."),
    ("mesh", "Which mesh it belongs to."),
    ("p2p", "How it meets its peers."),
    ("http", "How services and operators on this machine reach it."),
    ("access", "Who may do what over that interface; [access.md](access.md) explains it with examples."),
    ("store", "How it keeps statements."),
    ("reconcile", "How differences are found for certain."),
    (
        "intake",
        "How much of one author, and of one peer, is taken in how fast. Beyond a rate things come later, never otherwise. What this node signs itself is not held to it, and `@mesh` has an allowance of its own. A node folds about 3,000 statements a second, so by default one author may take a third of it, after 60,000 at once: only floods meet that.",
    ),
    ("beacon", "How nodes report their state to one another."),
    ("log", "What it tells its operator, on standard error."),
];

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, unset: "", doc }
}

const fn bare(name: &'static str, kind: Kind, unset: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: "", unset, doc }
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

macro_rules! keys {
    ($($name:ident = $key:expr;)*) => {
        $(pub(super) const $name: &Key = &$key;)*
        /// Every key, section by section.
        pub const KEYS: &[&Key] = &[$($name),*];
    };
}

keys! {
    NODE_DATA_DIR = bare("node.data_dir", Kind::Path,
        "`$STATE_DIRECTORY` (set by systemd), else `$XDG_STATE_HOME/driftless`, else `$HOME/.local/state/driftless`",
        "Directory of the store. Made with mode 0700 when missing. One process uses it at a time.");
    NODE_KEY_FILE = bare("node.key_file", Kind::Path, "`node.key` in `node.data_dir`",
        "The node's secret key. Refused when anybody but its owner can read it.");
    NODE_SECRETS_KEY_FILE = bare("node.secrets_key_file", Kind::Path, "`secrets.key` in `node.data_dir`",
        "The node's age identity, which opens what is sealed to it. Made when missing; refused when anybody but its owner can read it.");
    NODE_BUNDLE = bare("node.bundle", Kind::Path, "none: the first statements come from peers",
        "File with the mesh's genesis and first statements, read at every start.");
    NODE_NAME = bare("node.name", Kind::Text, "the first ten digits of the public key",
        "Name for people, in logs and in `driftless status`. At most 64 of `A-Z a-z 0-9 . _ -`.");

    MESH_ID = bare("mesh.id", Kind::Hex, "required",
        "The mesh: the id of its genesis, as `driftless init` printed it. Everything of another mesh is refused.");

    P2P_LISTEN = key("p2p.listen", Kind::Addresses, r#"["/ip4/0.0.0.0/tcp/7474", "/ip4/0.0.0.0/udp/7474/quic-v1"]"#,
        "Where peers reach this node. Empty: it only dials.");
    P2P_PEERS = key("p2p.peers", Kind::Addresses, "[]",
        "Peers to stay connected to, each with its key: `/dns4/a.example/tcp/7474/p2p/12D3Koo…`.");
    P2P_MDNS = key("p2p.mdns", Kind::Flag, "false",
        "Find peers on the local network. Finding one does not admit it: it needs a grant like any other.");
    P2P_MAX_CONNECTIONS = key("p2p.max_connections", Kind::Count(1, 65_535), "256",
        "Connections at most, both ways together; peers that dial this node may take three quarters.");
    P2P_MAX_MEMORY_BYTES = key("p2p.max_memory_bytes", Kind::Bytes(64 * MIB, 1024 * GIB), r#""2GiB""#,
        "No connection is made or taken while the process uses more memory than this.");
    P2P_FIRST_BAN = key("p2p.first_ban", Kind::Duration(1_000, HOUR), r#""1m""#,
        "How long a peer that sends what no honest node sends, over and over, is refused the first time. Each further ban of it is twice as long. `driftless status` lists them; a restart ends them.");
    P2P_LONGEST_BAN = key("p2p.longest_ban", Kind::Duration(1_000, 24 * HOUR), r#""1h""#,
        "The longest ban. After so long without a fault, the next one is a first one again.");

    HTTP_SOCKET = bare("http.socket", Kind::Path,
        "`driftless.sock` in `$RUNTIME_DIRECTORY` (set by systemd), else in `$XDG_RUNTIME_DIR`, else in `node.data_dir`",
        "Unix socket for services and operators. `\"\"` for none. At most 100 bytes.");
    HTTP_SOCKET_MODE = key("http.socket_mode", Kind::Mode, r#""0660""#,
        "Permissions of the socket. While no role names a user or a group, who may connect may read everything this node holds, and write what it may write.");
    HTTP_LISTEN = bare("http.listen", Kind::Address, "none",
        "TCP address in addition, loopback only. Who comes over it shows a token, unless `access.tcp_role` says otherwise.");
    HTTP_ALLOWED_HOSTS = key("http.allowed_hosts", Kind::Texts, r#"["localhost", "127.0.0.1", "[::1]"]"#,
        "`Host` headers accepted over TCP, without port. Any other is refused, so that no web page reaches the node.");
    HTTP_MAX_CONNECTIONS = key("http.max_connections", Kind::Count(1, 65_535), "1024", "Connections at most.");
    HTTP_MAX_BODY_BYTES = key("http.max_body_bytes", Kind::Bytes(KIB, 64 * MIB), r#""4MiB""#,
        "Bytes of a request's body at most. The largest entry is 1 MiB, and JSON is wordier.");
    HTTP_MAX_HEADER_BYTES = key("http.max_header_bytes", Kind::Bytes(8 * KIB, MIB), r#""16KiB""#,
        "Bytes of a request's line and headers at most.");
    HTTP_HEADER_TIMEOUT = key("http.header_timeout", Kind::Duration(100, 5 * MINUTE), r#""5s""#,
        "Time to send the headers in.");
    HTTP_REQUEST_TIMEOUT = key("http.request_timeout", Kind::Duration(100, HOUR), r#""30s""#,
        "Time for a whole request, watches excepted.");
    HTTP_MAX_WATCHERS = key("http.max_watchers", Kind::Count(1, 65_535), "1024", "Watches at most at one time.");
    HTTP_WATCH_HEARTBEAT = key("http.watch_heartbeat", Kind::Duration(100, HOUR), r#""5s""#,
        "Longest silence on a watch: after it, a comment line shows that the node lives.");

    ACCESS_ROLE = key("access.role", Kind::Roles, "[]",
        "Roles, each a table `[[access.role]]` with `name`, `users` and `groups` (names or numbers), `read` and `write` (prefixes, `\"/\"` for everything; who may write may read), `open` (prefixes of secrets, over the socket alone), `observe` (status, divergence, metrics) and `submit` (hand in signed statements). While none names a user or a group, whoever may open the socket may do everything.");
    ACCESS_TCP_ROLE = bare("access.tcp_role", Kind::Text, "none: over TCP a token is needed",
        "Role of whoever comes over TCP without a token: every user of this machine, so think of one that only reads.");
    ACCESS_TOKENS_FILE = bare("access.tokens_file", Kind::Path, "`tokens.json` in `node.data_dir`",
        "Tokens, as `driftless token` writes them. Read again when it changes; a missing one holds none. Refused when anybody but its owner can read it.");

    STORE_CACHE_BYTES = key("store.cache_bytes", Kind::Bytes(MIB, 64 * GIB), r#""4MiB""#,
        "Page cache of the database. Reads never touch it; it serves commits and the start.");
    STORE_RESERVE_BYTES = key("store.reserve_bytes", Kind::Bytes(MIB, GIB), r#""4MiB""#,
        "Disk space set aside in `store.reserve`, so that a node can start on a full disk.");
    STORE_QUEUE = key("store.queue", Kind::Count(1, 65_536), "1024",
        "Batches of statements that may wait for the disk; then writes are refused until some are done.");
    STORE_KEEP_STRUCK_BYTES = key("store.keep_struck_bytes", Kind::Bytes(0, 64 * GIB), r#""16MiB""#,
        "How much of what root keys struck is kept, its beginning first, for whoever asks what a struck key did. What goes beyond it leaves disk and memory, and nothing can bring it back. What any other key struck is always kept: a senior one can make it good.");
    STORE_LONGEST_PAUSE = key("store.longest_pause", Kind::Duration(100, 10 * MINUTE), r#""30s""#,
        "Longest pause between attempts to open the store again after a failure; each is drawn at random below a bound that doubles up to this.");

    RECONCILE_INTERVAL = key("reconcile.interval", Kind::Duration(100, HOUR), r#""15s""#,
        "Longest time between comparisons with a peer; they also happen at connect.");
    RECONCILE_REPAIR_INTERVAL = key("reconcile.repair_interval", Kind::Duration(100, HOUR), r#""1s""#,
        "Shortest time between comparisons with a peer whose beacon shows a difference.");
    RECONCILE_REQUEST_TIMEOUT = key("reconcile.request_timeout", Kind::Duration(100, 10 * MINUTE), r#""10s""#,
        "Time for a peer to answer one request.");

    INTAKE_AUTHOR_STATEMENTS = key("intake.author_statements", Kind::Count(1, 1_000_000), "1000",
        "Statements of one author a second. More are dropped from gossip, before their signature is checked, and come by comparison at this rate; at the door they are refused with 429 until there is room.");
    INTAKE_AUTHOR_BYTES = key("intake.author_bytes", Kind::Bytes(64 * KIB, GIB), r#""4MiB""#,
        "Bytes of one author's statements a second.");
    INTAKE_PEER_BYTES = key("intake.peer_bytes", Kind::Bytes(64 * KIB, GIB), r#""16MiB""#,
        "Bytes of statements that one peer brings a second, asked for or not. Beyond it this node asks the peer more slowly, and drops what it sends unasked.");
    INTAKE_PEER_CHECKS = key("intake.peer_checks", Kind::Count(16, 1_000_000), "4000",
        "Checks of signatures that one peer asks for unasked a second. One that fails counts as sixteen.");
    INTAKE_BURST = key("intake.burst", Kind::Duration(1_000, HOUR), r#""1m""#,
        "For so long each rate may go unused and be made up for at once.");

    BEACON_INTERVAL = key("beacon.interval", Kind::Duration(100, 10 * MINUTE), r#""2s""#,
        "Time between beacons. Divergence is noticed no faster.");
    BEACON_EXPIRY = key("beacon.expiry", Kind::Duration(200, HOUR), r#""10s""#,
        "A node whose last beacon is older counts as silent. At least twice `beacon.interval`.");

    LOG_LEVEL = key("log.level", Kind::Text, r#""info""#,
        "`error`, `warn`, `info`, `debug`, `trace`, or a list by room: `info,driftless_node::store=debug`.");
    LOG_FORMAT = key("log.format", Kind::Choice(&["text", "json"]), r#""text""#, "For people, or one JSON object a line.");
}

impl Key {
    /// The section.
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("DRIFTLESS_{}", self.name.replace('.', "_").to_uppercase())
    }
}
