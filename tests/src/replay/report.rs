//! The figures of a replay, as people read them. It must not know how they came about.

use std::fmt;
use std::time::Duration;

use driftless_client::api::Status;

use super::seat::Wire;
use super::writers::Tally;

/// What a replay came to.
pub struct Report {
    /// Commits of the history.
    pub commits: usize,
    /// Edits in them.
    pub edits: usize,
    /// Statements that carry them: edits that changed nothing have none.
    pub statements: usize,
    /// Puts, deletes and list edits in the statements.
    pub operations: usize,
    /// Bytes of the statements as signed.
    pub statement_bytes: usize,
    /// Until the last edit was on its writer's disk.
    pub wrote: Duration,
    /// Until all nodes had equal digests.
    pub converged: Duration,
    /// Live values at the end, equal to the history's on every node, and their bytes as Python prints them.
    pub values: (usize, usize),
    /// Each node.
    pub nodes: Vec<NodeFigures>,
    pub(super) tally: Tally,
}

/// One node at the end.
pub struct NodeFigures {
    name: String,
    wire: Wire,
    store: u64,
    /// Open conflicts.
    pub conflicts: u64,
    digests: Vec<String>,
}

impl NodeFigures {
    pub(super) fn new(status: &Status, wire: Wire, store: u64) -> Self {
        let digests = status.scopes.iter().map(|row| {
            format!(
                "{}: {} statements, set {} merged {} effective {}",
                row.scope, row.statements, row.set, row.merged, row.effective
            )
        });
        Self { name: status.name.clone(), wire, store, conflicts: status.conflicts, digests: digests.collect() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.edits as f64 / self.wrote.as_secs_f64();
        let sent: u64 = self.nodes.iter().map(|node| node.wire.sent).sum();
        let (values, bytes) = self.values;
        let each = |total: usize| total / self.statements.max(1);
        writeln!(f, "edits              {} in {} commits, {rate:.0} a second", self.edits, self.commits)?;
        writeln!(f, "unchanged          {} (nothing signed), sent again {}", self.tally.unchanged, self.tally.again)?;
        writeln!(f, "statements         {}, {} bytes each", self.statements, each(self.statement_bytes))?;
        writeln!(f, "edits as operations {}", self.operations)?;
        let shares = (self.statements.max(1) * self.nodes.len().max(1)) as u64;
        writeln!(f, "on the wire        {} bytes a change and a node", sent / shares)?;
        for node in &self.nodes {
            let (wire, store, conflicts) = (node.wire, node.store, node.conflicts);
            let (sent, received) = (wire.sent, wire.received);
            writeln!(
                f,
                "{:<18} sent {sent}, received {received}, store {store} bytes, {conflicts} conflicts",
                node.name
            )?;
        }
        let (wrote, rest) = (self.wrote.as_secs_f64(), (self.converged - self.wrote).as_secs_f64());
        writeln!(f, "time               {wrote:.1} s to write, {rest:.2} s more to equal digests")?;
        spread(f, "an edit's wait for the edit before", &self.tally.line)?;
        spread(f, "an edit's wait for the value before", &self.tally.arrival)?;
        spread(f, "an edit's answer", &self.tally.answer)?;
        for digests in self.nodes.first().map(|node| node.digests.as_slice()).unwrap_or_default() {
            writeln!(f, "equal everywhere   {digests}")?;
        }
        write!(f, "values             {values} live, {bytes} bytes of JSON, equal to the history's last on every node")
    }
}

fn spread(f: &mut fmt::Formatter<'_>, what: &str, all: &[Duration]) -> fmt::Result {
    let mut all = all.to_vec();
    all.sort_unstable();
    let at = |percent: usize| all.get(all.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let total: Duration = all.iter().sum();
    let (median, tail, longest) = (ms(at(50)), ms(at(99)), ms(at(100)));
    writeln!(
        f,
        "  {what:<36} median {median:.1} ms, 99 % {tail:.1} ms, longest {longest:.0} ms, all {:.1} s",
        total.as_secs_f64()
    )
}
