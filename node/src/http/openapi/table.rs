//! The operations: one row each. `tests/http/api.rs` calls every row, so a row without a route, or the other way round,
//! fails.

use super::{DELETE, GET, PATCH, POST, PUT};
use crate::http::problem::Kind;
use utoipa::openapi::path::HttpMethod;

/// What a body is.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A schema of this name.
    Named(&'static str),
    /// Any JSON value.
    Any,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// `p` path, `q` query, `h` header.
    pub place: char,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether it is a number.
    pub number: bool,
}

/// One answer that is no problem.
#[derive(Debug, Clone, Copy)]
pub struct Good {
    /// Status.
    pub status: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Media types and shapes.
    pub content: &'static [(&'static str, Shape)],
    /// Whether it carries an entity tag.
    pub etag: bool,
}

/// One operation.
pub struct Operation {
    /// Its path.
    pub path: &'static str,
    /// Its method.
    pub method: HttpMethod,
    /// Its id.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// More.
    pub description: &'static str,
    /// Parameters.
    pub parameters: &'static [Parameter],
    /// Media types of the request's body; none: no body.
    pub body: &'static [(&'static str, Shape)],
    /// Answers.
    pub good: &'static [Good],
    /// Problems beside those that every route has.
    pub problems: &'static [Kind],
}

const fn text(place: char, name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { place, name, meaning, number: false }
}

const fn number(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { place: 'q', name, meaning, number: true }
}

const fn named(meaning: &'static str, content: &'static [(&'static str, Shape)]) -> Good {
    Good { status: "200", meaning, content, etag: false }
}

const JSON: &str = "application/json";
const PATH: Parameter = text('p', "path", "Path of an entry: 2 to 16 segments of A-Z a-z 0-9 . _ ~ @ -");
const ID: Parameter = text('p', "id", "Statement id: 64 lowercase hexadecimal digits");
const KEY: Parameter = text('p', "key", "Public key: 64 lowercase hexadecimal digits");
const UNTIL: Parameter = number("until", "Only what was said up to this time, Unix milliseconds; nothing means all");
const PREFIX: Parameter = text('q', "prefix", "Only what lies under this prefix; nothing means everything");
const AUTHOR: Parameter = text('q', "author", "Public key of an author: 64 lowercase hexadecimal digits");
const LIMIT: Parameter = number("limit", "Items on the page, 1 to 1000 (default 100)");
const BEFORE: Parameter = text('q', "before", "`next` of the page before");
const AFTER: Parameter = text('q', "after", "`next` of the page before");
const WATCH: Parameter = text('q', "watch", "`1` or nothing: answer with server-sent events, see WatchEvent");
const SINCE: Parameter = text('q', "since", "With watch: the revision seen last; what changed since follows");
const LAST_EVENT_ID: Parameter = text('h', "Last-Event-ID", "With watch: the same, as EventSource sends it");
const MIN_REVISION: Parameter =
    text('q', "min_revision", "Answer from a view that covers this revision, or wait for it");
const MIN_HEADER: Parameter = text('h', "Driftless-Min-Revision", "The same as a header");
const WAIT: Parameter = number("wait", "Seconds to wait for that revision, 0 to 25 (default 2)");
const ACCEPT_ITEM: Parameter =
    text('h', "Accept", "`application/vnd.driftless.item+json` for the value with what is known about it");
const IF_NONE_MATCH: Parameter =
    text('h', "If-None-Match", "Entity tags held already: 304 when one is the present one");
const IF_MATCH: Parameter = text('h', "If-Match", "Entity tags of merged heads, or `*` (the entry must be present)");
const IF_ABSENT: Parameter = text('h', "If-None-Match", "`*`: the entry must be absent");
const REASON: Parameter = text('h', "Driftless-Reason", "Why, for people; goes into the statement's note");
const TICKET: Parameter = text('h', "Driftless-Ticket", "Ticket; goes into the note");
const TRACE: Parameter = text('h', "traceparent", "W3C trace context; goes into the note");

const READ: &[Kind] = &[
    Kind::Path,
    Kind::Query,
    Kind::Header,
    Kind::Revision,
    Kind::Behind,
    Kind::NotHeld,
    Kind::NotReady,
    Kind::NotFound,
];
const WRITE: &[Kind] = &[
    Kind::Path,
    Kind::Query,
    Kind::Header,
    Kind::Json,
    Kind::MediaType,
    Kind::Body,
    Kind::Precondition,
    Kind::NoGrant,
    Kind::Patch,
    Kind::Invalid,
    Kind::Unfit,
    Kind::Clock,
    Kind::ReadOnly,
    Kind::NotFounded,
    Kind::NotReady,
    Kind::NotHeld,
    Kind::NotFound,
];
const ASK: &[Kind] =
    &[Kind::Path, Kind::Query, Kind::Id, Kind::Revision, Kind::Behind, Kind::NotHeld, Kind::NotReady, Kind::NotFound];

const WRITTEN: &[Good] = &[
    Good {
        status: "200",
        meaning: "On disk here; `id` is absent when the value was there already",
        content: &[(JSON, Shape::Named("Written"))],
        etag: true,
    },
    Good {
        status: "202",
        meaning: "On disk here and on its way to all nodes, and shows once it is approved: `fate` says what is missing",
        content: &[(JSON, Shape::Named("Written"))],
        etag: true,
    },
];
const LISTED: &[Good] = &[Good {
    status: "200",
    meaning: "A page from one view, or with `watch` a stream of events",
    content: &[(JSON, Shape::Named("Listing")), ("text/event-stream", Shape::Named("WatchEvent"))],
    etag: false,
}];

/// Every operation.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/v1/config/{path}",
        method: GET,
        id: "readEntry",
        summary: "Read or watch an entry, or list a prefix",
        description: "The effective value as JSON. A path that ends in `/` is a prefix: see listEntries.",
        parameters: &[PATH, ACCEPT_ITEM, IF_NONE_MATCH, MIN_REVISION, MIN_HEADER, WAIT, WATCH, SINCE, LAST_EVENT_ID],
        body: &[],
        good: &[
            Good {
                status: "200",
                meaning: "The value; with `watch` a stream of events",
                content: &[
                    (JSON, Shape::Any),
                    ("application/vnd.driftless.item+json", Shape::Named("Item")),
                    ("text/event-stream", Shape::Named("WatchEvent")),
                ],
                etag: true,
            },
            Good { status: "304", meaning: "Unchanged", content: &[], etag: true },
        ],
        problems: READ,
    },
    Operation {
        path: "/v1/config/{path}",
        method: PUT,
        id: "putEntry",
        summary: "Set the whole value of an entry",
        description: "The value is diffed against the merged one into the fewest edits, which this node signs.",
        parameters: &[PATH, IF_MATCH, IF_ABSENT, REASON, TICKET, TRACE],
        body: &[(JSON, Shape::Any)],
        good: WRITTEN,
        problems: WRITE,
    },
    Operation {
        path: "/v1/config/{path}",
        method: PATCH,
        id: "patchEntry",
        summary: "Change parts of an entry",
        description: "RFC 7396 merge patch or RFC 6902 JSON patch, applied to the merged value.",
        parameters: &[PATH, IF_MATCH, IF_ABSENT, REASON, TICKET, TRACE],
        body: &[("application/merge-patch+json", Shape::Any), ("application/json-patch+json", Shape::Any)],
        good: WRITTEN,
        problems: WRITE,
    },
    Operation {
        path: "/v1/config/{path}",
        method: DELETE,
        id: "deleteEntry",
        summary: "Delete an entry",
        description: "The entry is absent afterwards; its history stays.",
        parameters: &[PATH, IF_MATCH, REASON, TICKET, TRACE],
        body: &[],
        good: WRITTEN,
        problems: WRITE,
    },
    Operation {
        path: "/v1/config",
        method: GET,
        id: "listEntries",
        summary: "List or watch the entries under a prefix",
        description: "Ascending by path. Each page comes from one view; compare `revision` between pages.",
        parameters: &[PREFIX, AFTER, LIMIT, MIN_REVISION, MIN_HEADER, WAIT, WATCH, SINCE, LAST_EVENT_ID],
        body: &[],
        good: LISTED,
        problems: READ,
    },
    Operation {
        path: "/v1/config/",
        method: GET,
        id: "listAllEntries",
        summary: "List or watch every entry held",
        description: "The same as listEntries without a prefix.",
        parameters: &[AFTER, LIMIT, MIN_REVISION, MIN_HEADER, WAIT, WATCH, SINCE, LAST_EVENT_ID],
        body: &[],
        good: LISTED,
        problems: READ,
    },
    Operation {
        path: "/v1/secrets/{path}",
        method: GET,
        id: "openSecret",
        summary: "Open a sealed value",
        description: "The secret's bytes, opened in memory for this answer. Over the Unix socket only, for users whose roles may \
                      `open` it; over TCP every answer is the same 403, and no token can open anything.",
        parameters: &[PATH, IF_NONE_MATCH, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[
            Good {
                status: "200",
                meaning: "The secret",
                content: &[("application/octet-stream", Shape::Bytes)],
                etag: true,
            },
            Good { status: "304", meaning: "Unchanged", content: &[], etag: true },
        ],
        problems: &[
            Kind::Path,
            Kind::Query,
            Kind::Header,
            Kind::Revision,
            Kind::Behind,
            Kind::NotHeld,
            Kind::NotReady,
            Kind::NotFound,
            Kind::NotSealed,
            Kind::NotARecipient,
            Kind::Damaged,
        ],
    },
    Operation {
        path: "/v1/merged/{path}",
        method: GET,
        id: "readMerged",
        summary: "What a signer needs to edit an entry",
        description: "Merged value with the names of list elements, heads, and for an author its own heads and grant.",
        parameters: &[PATH, AUTHOR, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("The merged state, also of an entry that is absent", &[(JSON, Shape::Named("Merged"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/history/{path}",
        method: GET,
        id: "readHistory",
        summary: "Statements about an entry, latest first",
        description: "Those that do not show are listed too, with the reason.",
        parameters: &[PATH, BEFORE, LIMIT, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("A page", &[(JSON, Shape::Named("History"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/explain/{path}",
        method: GET,
        id: "explainEntry",
        summary: "Why an entry reads as it does",
        description: "The statement behind each leaf, conflicts, what was kept out and why, and chains of grants.",
        parameters: &[PATH, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("The explanation", &[(JSON, Shape::Named("Explanation"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/conflicts",
        method: GET,
        id: "listConflicts",
        summary: "Open conflicts",
        description: "Concurrent edits that touch the same place, winner and loser.",
        parameters: &[PREFIX, LIMIT, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("Conflicts", &[(JSON, Shape::Named("Conflicts"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/pending",
        method: GET,
        id: "listPending",
        summary: "What waits for signatures or approvals",
        description: "Root acts that lack signatures by root keys, and writes that lack approvals their grants demand: who may \
                      give one, and who has.",
        parameters: &[PREFIX, LIMIT, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("What is pending", &[(JSON, Shape::Named("PendingList"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/divergence",
        method: GET,
        id: "readDivergence",
        summary: "How far this node is from each other one",
        description: "Measured at equal points, from beacons.",
        parameters: &[],
        body: &[],
        good: &[named("The measure", &[(JSON, Shape::Named("Divergence"))])],
        problems: &[Kind::Query, Kind::NotReady],
    },
    Operation {
        path: "/v1/changes/{id}",
        method: GET,
        id: "readChange",
        summary: "Who has a change, who lacks it, since when and why",
        description: "As far as beacons tell.",
        parameters: &[ID, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("How far it got", &[(JSON, Shape::Named("Change"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/statements",
        method: POST,
        id: "submitStatements",
        summary: "Submit statements signed elsewhere",
        description: "A sequence (RFC 8742) of CBOR byte strings, each the wire bytes of one statement; at most 256.",
        parameters: &[],
        body: &[("application/cbor-seq", Shape::Bytes)],
        good: &[named("What became of each, in order", &[(JSON, Shape::Named("Submission"))])],
        problems: &[Kind::Query, Kind::MediaType, Kind::Body, Kind::Statements, Kind::AuthorRate],
    },
    Operation {
        path: "/v1/statements",
        method: GET,
        id: "listStatements",
        summary: "Statements of one scope or of all, latest first",
        description: "The log of what is held here.",
        parameters: &[text('q', "scope", "Only this scope"), BEFORE, LIMIT, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("A page", &[(JSON, Shape::Named("History"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/log",
        method: GET,
        id: "readLog",
        summary: "The same as listStatements",
        description: "Another name for it.",
        parameters: &[text('q', "scope", "Only this scope"), BEFORE, LIMIT, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("A page", &[(JSON, Shape::Named("History"))])],
        problems: ASK,
    },
    Operation {
        path: "/v1/statements/{id}",
        method: GET,
        id: "readStatement",
        summary: "One statement",
        description: "In words, or with `Accept: application/octet-stream` its wire bytes.",
        parameters: &[ID, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named(
            "The statement",
            &[(JSON, Shape::Named("StatementInfo")), ("application/octet-stream", Shape::Bytes)],
        )],
        problems: ASK,
    },
    Operation {
        path: "/v1/audit",
        method: GET,
        id: "listAudit",
        summary: "Statements as an auditor asks for them, latest first",
        description: "Who, what, when, why, what became of it here, on which grants it relies, who approved it, and on which \
                      nodes it is as far as beacons tell. Void and pending ones too; what was refused: `/v1/attempts`.",
        parameters: &[
            text('q', "prefix", "Only what touches entries, or gives or takes authority, under this prefix"),
            AUTHOR,
            text('q', "kind", "Only this kind: genesis, write, grant, approve, revoke, accept, rotate, unknown"),
            text('q', "fate", "Only with this fate: fit, unfit, pending, void, not_due"),
            number("since", "Only what claims this time or a later one, Unix milliseconds"),
            UNTIL,
            BEFORE,
            LIMIT,
        ],
        body: &[],
        good: &[named("A page", &[(JSON, Shape::Named("AuditPage"))])],
        problems: &[Kind::Path, Kind::Query, Kind::NotReady, Kind::NotHeld],
    },
    Operation {
        path: "/v1/audit/export",
        method: GET,
        id: "exportAudit",
        summary: "Everything on disk at one moment, to be judged elsewhere",
        description: "JSON lines, a head, then `@mesh` and the scopes in the order of time, each statement in words beside the \
                      bytes that were signed, then what was refused, then an end with counts and a sum: docs/audit.md. \
                      `driftless audit verify` judges it without a node.",
        parameters: &[text('q', "scope", "Only this scope, with `@mesh`")],
        body: &[],
        good: &[named("The lines", &[("application/jsonl", Shape::Text)])],
        problems: &[Kind::Path, Kind::Query, Kind::NotReady, Kind::NotHeld],
    },
    Operation {
        path: "/v1/attempts",
        method: GET,
        id: "listAttempts",
        summary: "What this node refused since its start",
        description: "By key, kind and rule, latest first: the node's own observation, in bounded memory, signed by nobody.",
        parameters: &[],
        body: &[],
        good: &[named("Attempts", &[(JSON, Shape::Named("Attempts"))])],
        problems: &[Kind::Query],
    },
    Operation {
        path: "/v1/grants",
        method: GET,
        id: "listGrants",
        summary: "Grants of the mesh",
        description: "As trust sees them, with their chains; for an author also its own heads in `@mesh`.",
        parameters: &[text('q', "key", "Only grants to this key"), AUTHOR, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("Grants", &[(JSON, Shape::Named("Grants"))])],
        problems: &[Kind::Query, Kind::Revision, Kind::Behind, Kind::NotReady, Kind::NotFounded],
    },
    Operation {
        path: "/v1/authors/{key}",
        method: GET,
        id: "readAuthor",
        summary: "What one key has said",
        description: "As far as it counts, by scope, up to a time: what a revocation of the key would list to keep it.",
        parameters: &[KEY, UNTIL, MIN_REVISION, MIN_HEADER, WAIT],
        body: &[],
        good: &[named("What it said", &[(JSON, Shape::Named("Author"))])],
        problems: &[Kind::Id, Kind::Query, Kind::Revision, Kind::Behind, Kind::NotReady],
    },
    Operation {
        path: "/v1/preview",
        method: POST,
        id: "previewActs",
        summary: "What acts would change",
        description: "Grants, approvals and revocations as they would be submitted: which statements would be void, which \
                      entries would read otherwise, which nodes would be members no more, as if all root keys had approved \
                      them. Nothing is kept.",
        parameters: &[],
        body: &[("application/cbor-seq", Shape::Bytes)],
        good: &[named("What they would change", &[(JSON, Shape::Named("Preview"))])],
        problems: &[
            Kind::Query,
            Kind::MediaType,
            Kind::Body,
            Kind::Statements,
            Kind::Invalid,
            Kind::NotReady,
            Kind::NotFounded,
        ],
    },
    Operation {
        path: "/v1/status",
        method: GET,
        id: "readStatus",
        summary: "This node",
        description: "What it holds, whom it hears, what is wrong with it. Answers also while it is not ready.",
        parameters: &[],
        body: &[],
        good: &[named("Status", &[(JSON, Shape::Named("Status"))])],
        problems: &[Kind::Query],
    },
    Operation {
        path: "/openapi.json",
        method: GET,
        id: "readOpenApi",
        summary: "This description",
        description: "OpenAPI 3.1.",
        parameters: &[],
        body: &[],
        good: &[named("The description", &[(JSON, Shape::Any)])],
        problems: &[Kind::Query],
    },
    Operation {
        path: "/metrics",
        method: GET,
        id: "readMetrics",
        summary: "Metrics",
        description: "OpenMetrics 1.0 when `Accept` names it, else the Prometheus text format 0.0.4.",
        parameters: &[],
        body: &[],
        good: &[named("Metrics", &[("text/plain", Shape::Text), ("application/openmetrics-text", Shape::Text)])],
        problems: &[],
    },
    Operation {
        path: "/livez",
        method: GET,
        id: "live",
        summary: "Whether the node's driver answers",
        description: "For a supervisor that restarts it.",
        parameters: &[],
        body: &[],
        good: &[named("It does", &[("text/plain", Shape::Text)])],
        problems: &[],
    },
    Operation {
        path: "/readyz",
        method: GET,
        id: "ready",
        summary: "Whether reads are served",
        description: "From disk, also with no peer at all.",
        parameters: &[],
        body: &[],
        good: &[named("They are; further lines say what is wrong nevertheless", &[("text/plain", Shape::Text)])],
        problems: &[Kind::NotReady],
    },
];
