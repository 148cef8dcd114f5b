//! What `trust` shows: the tree of grants, and whether a key may do something.

use driftless_client::audit::{Answer, GrantNode, SignatureCount, Tree};
use driftless_statement::{PublicKey, StatementId};

use crate::out::{Ink, Paint};
use crate::table::{plain, shorten};

/// Characters of a note.
const NOTE: usize = 40;

/// The tree from the root keys down.
pub fn tree(paint: Paint, tree: &Tree) -> String {
    let name = if tree.name.is_empty() { String::new() } else { format!(" {}", plain(&tree.name)) };
    let mut text = format!("{}\n", paint.ink(Ink::Strong, &format!("mesh{name} {}", tree.mesh)));
    text.push_str(&format!(
        "fold version {}; {} of {} root keys must sign a root act: {}\n",
        tree.fold_version,
        tree.threshold,
        tree.roots.len(),
        keys(&tree.roots)
    ));
    if tree.forked {
        let what = "two rotations ended this epoch: no root act counts any more, found the mesh anew";
        text.push_str(&format!("{}\n", paint.ink(Ink::Bad, what)));
    } else if !tree.ended.is_empty() {
        text.push_str(&format!("epoch {} since genesis: {}\n", tree.ended.len() + 1, tree.epoch.short()));
    }
    branches(paint, &tree.grants, "", &mut text);
    if tree.grants.is_empty() {
        text.push_str("no grants\n");
    }
    if !tree.revocations.is_empty() {
        text.push_str("\nRevocations:\n");
    }
    for one in &tree.revocations {
        let strikes: Vec<String> = one.strikes.iter().map(StatementId::short).collect();
        let strikes = if strikes.is_empty() { "nothing".to_owned() } else { strikes.join(", ") };
        text.push_str(&format!(
            "  {}  by {}: takes from {} on {}, accepting {}; strikes {strikes}{}{}\n",
            one.id.short(),
            one.issuer.short(),
            one.key.short(),
            place(&one.prefix),
            one.accepts,
            state(paint, one.state, one.signatures.as_ref()),
            note(&one.note)
        ));
    }
    if !tree.void.is_empty() {
        text.push_str("\nKept out by a rule:\n");
    }
    for act in &tree.void {
        text.push_str(&format!(
            "  {}  {} by {} about {} on {}: {}\n",
            act.id.short(),
            act.kind,
            act.author.short(),
            act.key.short(),
            place(&act.prefix),
            paint.ink(Ink::Bad, &act.why)
        ));
    }
    text
}

fn branches(paint: Paint, grants: &[GrantNode], indent: &str, text: &mut String) {
    for (index, grant) in grants.iter().enumerate() {
        let last = index + 1 == grants.len();
        let (joint, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&format!("{indent}{joint}{}\n", one(paint, grant)));
        branches(paint, &grant.grants, &format!("{indent}{below}"), text);
    }
}

fn one(paint: Paint, grant: &GrantNode) -> String {
    let scopes: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = if scopes.is_empty() { String::new() } else { format!(" ({})", scopes.join(", ")) };
    let terms = if grant.terms.is_empty() { String::new() } else { format!("  {}", grant.terms) };
    let strikes = grant
        .struck_by
        .iter()
        .map(|one| paint.ink(Ink::Bad, &format!("  struck on {} by {}", place(&one.prefix), one.revocation.short())));
    let state = if grant.state == "struck" {
        strikes.collect::<String>()
    } else {
        state(paint, grant.state, grant.signatures.as_ref()) + &strikes.collect::<String>()
    };
    format!(
        "{}  {}  {} on {}{scopes}{terms}{state}{}",
        grant.id.short(),
        paint.ink(Ink::Strong, &grant.key.short()),
        grant.verbs.join(","),
        place(&grant.prefix),
        note(&grant.note)
    )
}

fn place(prefix: &str) -> &str {
    if prefix.is_empty() { "/" } else { prefix }
}

fn keys(keys: &[PublicKey]) -> String {
    keys.iter().map(PublicKey::short).collect::<Vec<_>>().join(", ")
}

/// Nothing for what counts; for what waits, how many have signed.
fn state(paint: Paint, state: &str, signatures: Option<&SignatureCount>) -> String {
    match (state, signatures) {
        ("pending", Some(signatures)) => {
            let signed = keys(&signatures.keys);
            let text = format!("  pending: {} of {} signed ({signed})", signatures.have, signatures.need);
            paint.ink(Ink::Warn, &text)
        }
        _ => String::new(),
    }
}

fn note(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!("  \"{}\"", shorten(note, NOTE)) }
}

/// Whether a key may, and why or why not.
pub fn answer(paint: Paint, answer: &Answer) -> String {
    let asked = format!("{} may {} {}", answer.key.short(), answer.verb, answer.target);
    if let Some(root) = answer.root_act {
        return format!(
            "{}: {asked}, as a root act: it is a root key, and {} of {} must sign\n",
            paint.ink(Ink::Good, "yes"),
            root.threshold,
            root.roots
        );
    }
    if answer.allowed {
        let links: Vec<String> = answer.chain.iter().map(StatementId::short).collect();
        let mut text = format!("{}: {asked}, by grant {}\n", paint.ink(Ink::Good, "yes"), links.join(" → "));
        for needed in &answer.approvals {
            let (approvals, of) = (needed.approvals, keys(&needed.of));
            text.push_str(&format!("  {} wait for {approvals} approvals of {of}\n", needed.what));
        }
        return text;
    }
    let mut text =
        format!("{}: {} may not {} {}\n", paint.ink(Ink::Bad, "no"), answer.key.short(), answer.verb, answer.target);
    text.extend(answer.reasons.iter().map(|reason| format!("  {}: {}\n", reason.rule, reason.why)));
    text
}
