//! A mesh made by hand, and its export with the fates that trust gives when it has every statement at hand.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use driftless_client::api::{Attempt, StatementInfo};
use driftless_client::audit::{self, Audit, Broken, Unverified};
use driftless_client::export::{FORM, Head, Line, Record, Writer, to_base64};
use driftless_client::readable;
use driftless_statement::limits::SKEW_MS;
use driftless_statement::{
    Approve, Body, Edit, Frontier, Genesis, Grant, Hlc, MeshId, Note, Op, Path, Prefix, PublicKey, Revoke, Scope,
    SecretKey, Statement, StatementId, Terms, Touch, Value, Verb, Verified, Why, Write,
};
use driftless_trust::{Accepted, Refusal, Trust};

pub const START_MS: u64 = 1_790_000_000_000;

pub fn secret(index: u8) -> SecretKey {
    SecretKey::from_bytes([index + 1; 32])
}

pub fn key(index: u8) -> PublicKey {
    secret(index).public()
}

/// Keys 0, 1 and 2 are root keys, two of which must sign; 3 is an operator with a grant.
pub struct World {
    pub genesis: Arc<Verified>,
    pub said: Vec<Arc<Verified>>,
    heads: BTreeMap<(PublicKey, Scope), StatementId>,
    entries: BTreeMap<Path, StatementId>,
    clock: u64,
}

impl World {
    pub fn new() -> Self {
        Self::called("made")
    }

    pub fn called(name: &str) -> Self {
        let mut keys = vec![key(0), key(1), key(2)];
        keys.sort_unstable();
        let genesis = Statement {
            mesh: MeshId::UNFOUNDED,
            scope: Scope::mesh(),
            author: key(0),
            grant: StatementId::NONE,
            prev: vec![],
            touches: vec![],
            hlc: Hlc::from_millis(START_MS),
            body: Body::from(Genesis { keys, threshold: 2, fold_version: 1, name: name.to_owned() }),
            note: Note::default(),
            unknown: vec![],
        };
        let genesis = Arc::new(Verified::sign(genesis, &secret(0)).unwrap());
        let said = vec![genesis.clone()];
        Self { genesis, said, heads: BTreeMap::new(), entries: BTreeMap::new(), clock: 0 }
    }

    pub fn mesh(&self) -> MeshId {
        MeshId::from(self.genesis.id())
    }

    /// A statement, later than all before, naming its author's last one in the scope.
    pub fn say(&mut self, author: u8, grant: StatementId, path: Option<&str>, body: Body) -> StatementId {
        self.clock += 1;
        let at = Hlc::from_millis(START_MS + self.clock * 1000);
        self.say_at(author, grant, path, body, at)
    }

    pub fn say_at(&mut self, author: u8, grant: StatementId, path: Option<&str>, body: Body, hlc: Hlc) -> StatementId {
        let path = path.map(|path| Path::parse(path).unwrap());
        let scope = path.as_ref().map_or_else(Scope::mesh, Path::scope);
        let at = (key(author), scope.clone());
        let base = |path: &Path| self.entries.get(path).copied().into_iter().collect();
        let statement = Statement {
            mesh: self.mesh(),
            scope,
            author: key(author),
            grant,
            prev: self.heads.get(&at).copied().into_iter().collect(),
            touches: path.iter().map(|path| Touch { path: path.clone(), bases: base(path) }).collect(),
            hlc,
            body,
            note: Why { reason: format!("because \"{}\" é", self.said.len()), ..Why::default() }.into(),
            unknown: vec![],
        };
        let verified = Arc::new(Verified::sign(statement, &secret(author)).unwrap());
        self.heads.insert(at, verified.id());
        if let Some(path) = path {
            self.entries.insert(path, verified.id());
        }
        self.said.push(verified.clone());
        verified.id()
    }

    pub fn write(&mut self, author: u8, grant: StatementId, path: &str, value: i128) -> StatementId {
        let edits = vec![vec![Edit { at: vec![], op: Op::Put(Value::Int(value)) }]];
        self.say(author, grant, Some(path), Body::Write(Write { edits }))
    }

    /// The next write of this entry sees nothing of what was written there.
    pub fn forget(&mut self, path: &str) {
        self.entries.remove(&Path::parse(path).unwrap());
    }

    pub fn grant(&mut self, author: u8, grant: StatementId, to: u8, verbs: &[Verb], prefix: &str) -> StatementId {
        let verbs = verbs.iter().copied().collect();
        let prefix = Prefix::parse(prefix).unwrap();
        self.say(
            author,
            grant,
            None,
            Body::from(Grant { key: key(to), verbs, prefix, scopes: vec![], terms: Terms::default() }),
        )
    }

    pub fn approve(&mut self, author: u8, id: StatementId) -> StatementId {
        let genesis = self.genesis.id();
        self.say(author, genesis, None, Body::from(Approve { scope: Scope::mesh(), id }))
    }

    pub fn revoke(
        &mut self,
        author: u8,
        grant: StatementId,
        of: u8,
        prefix: &str,
        keep: &[&StatementId],
    ) -> StatementId {
        let mut frontier = Frontier::nothing();
        for id in keep {
            let listed = self.said.iter().find(|said| said.id() == **id).unwrap();
            frontier.insert(listed.statement().scope.clone(), **id);
        }
        let prefix = Prefix::parse(prefix).unwrap();
        self.say(author, grant, None, Body::from(Revoke { key: key(of), prefix, frontier }))
    }

    /// A root act with its second signature.
    pub fn by_roots(&mut self, act: impl FnOnce(&mut Self, StatementId) -> StatementId) -> StatementId {
        let genesis = self.genesis.id();
        let id = act(self, genesis);
        self.approve(1, id);
        id
    }

    /// Trust from what is due, and what is accepted outside of `@mesh`.
    pub fn trust(&self) -> (Trust, Accepted) {
        let due = |said: &&Arc<Verified>| said.statement().hlc.millis() <= self.floor_ms() + SKEW_MS;
        let mesh = self.said.iter().filter(|said| said.statement().scope.is_mesh()).filter(due);
        let trust = Trust::evaluate(&self.genesis, mesh.map(|said| &**said));
        let by_id: BTreeMap<StatementId, &Verified> = self.said.iter().map(|said| (said.id(), &**said)).collect();
        let mut accepted = Accepted::default();
        for said in self.said.iter().filter(due) {
            trust.accept(said, |id| by_id.get(id).copied(), &mut accepted);
        }
        (trust, accepted)
    }

    pub fn floor_ms(&self) -> u64 {
        START_MS + self.clock * 1000
    }

    /// The export of a node that holds all of it.
    pub fn export(&self) -> String {
        let (trust, accepted) = self.trust();
        let mut all = self.said.clone();
        all.sort_by_key(|said| (!said.statement().scope.is_mesh(), said.key()));
        let mut scopes: Vec<Scope> = all.iter().map(|said| said.statement().scope.clone()).collect();
        scopes.dedup();
        scopes.sort_unstable();
        scopes.dedup();
        let mut writer = Writer::default();
        let head = Head {
            form: FORM,
            mesh: self.mesh(),
            mesh_name: "made".to_owned(),
            node: key(9),
            node_name: "n".to_owned(),
            version: "0".to_owned(),
            at: "2026-11-26T13:00:00.000Z".to_owned(),
            floor_ms: self.floor_ms(),
            scopes,
            nodes: Vec::new(),
        };
        let mut text = writer.line(&Line::Export(head));
        for said in &all {
            let due = said.statement().hlc.millis() <= self.floor_ms() + SKEW_MS;
            let (fate, reason) = match trust.authorised(said, &accepted) {
                _ if !due => ("not_due", Some("its time has not come".to_owned())),
                Ok(()) => ("fit", None),
                Err(refusal @ (Refusal::Pending { .. } | Refusal::GrantPending { .. })) => {
                    ("pending", Some(refusal.to_string()))
                }
                Err(refusal) => ("void", Some(refusal.to_string())),
            };
            let statement = StatementInfo { fate: fate.to_owned(), reason, ..readable::statement(said) };
            let record = Record { statement, reach: None, wire: to_base64(&said.wire()) };
            text.push_str(&writer.line(&Line::Record(Box::new(record))));
        }
        text.push_str(&writer.line(&Line::Attempt(attempt())));
        text + &writer.end(0)
    }
}

fn attempt() -> Attempt {
    Attempt {
        author: key(8),
        signature: "not_checked".to_owned(),
        came: "peer".to_owned(),
        kind: "write".to_owned(),
        scope: Scope::parse("shop").unwrap(),
        rule: "no_such_grant".to_owned(),
        why: "no".to_owned(),
        id: None,
        grant: None,
        paths: Vec::new(),
        first: "2026-11-26T13:00:00.000Z".to_owned(),
        last: "2026-11-26T13:00:00.000Z".to_owned(),
        count: 1,
    }
}

/// A mesh with all that can become of a statement: pending, struck, accepted, void, unknown to the fold.
pub fn eventful() -> World {
    let mut world = World::new();
    let operator =
        world.by_roots(|world, genesis| world.grant(0, genesis, 3, &[Verb::Write, Verb::Delegate, Verb::Revoke], ""));
    let job = world.grant(3, operator, 4, &[Verb::Write], "shop");
    world.write(3, operator, "shop/limits", 1);
    world.write(4, job, "shop/job", 2);
    let good = world.write(4, job, "shop/job", 3);
    world.write(4, job, "shop/job", 4);
    world.write(4, job, "shop/other", 5);
    world.write(3, operator, "web/motd", 6);
    // Relies on another key's grant, reaches out of its prefix, has no such verb.
    world.write(4, operator, "shop/stolen", 7);
    world.write(4, job, "web/outside", 8);
    world.grant(4, job, 5, &[Verb::Write], "shop");
    // A root act that lacks a signature.
    let genesis = world.genesis.id();
    let pending = world.grant(2, genesis, 6, &[Verb::Write], "");
    world.write(6, pending, "shop/early", 9);
    world.revoke(3, operator, 4, "shop", &[&good]);
    world.write(4, job, "shop/late", 10);
    let future = Hlc::from_millis(world.floor_ms() + 10 * SKEW_MS);
    world.say_at(3, operator, Some("shop/future"), Body::Write(put(11)), future);
    world
}

fn put(value: i128) -> Write {
    Write { edits: vec![vec![Edit { at: vec![], op: Op::Put(Value::Int(value)) }]] }
}

pub fn judge(text: &str, mesh: Option<MeshId>) -> Result<Audit, Unverified> {
    audit::verify(&mut Cursor::new(text.as_bytes()), mesh)
}

pub fn broken(text: &str) -> Broken {
    match judge(text, None) {
        Err(Unverified::Broken(broken)) => *broken,
        other => panic!("not found to be broken: {other:?}"),
    }
}

/// The same lines with an end that fits them, as somebody who alters a file on purpose writes it.
pub fn sealed(lines: &[u8]) -> Vec<u8> {
    let starts = |with: &[u8]| lines.split(|byte| *byte == b'\n').filter(|line| line.starts_with(with)).count();
    let (statements, attempts) = (starts(b"{\"record\""), starts(b"{\"attempt\""));
    let open = format!("{{\"end\":{{\"statements\":{statements},\"attempts\":{attempts},\"dropped\":0,\"sum\":\"");
    let summed = [lines, open.as_bytes()].concat();
    let sum = blake3::hash(&summed).to_hex();
    [&summed[..], format!("{sum}\"}}}}\n").as_bytes()].concat()
}

/// An export without its end.
pub fn body(text: &str) -> &str {
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    &text[..cut]
}
