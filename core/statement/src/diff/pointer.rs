//! JSON Pointers (RFC 6901) at the door: indices become names of elements, so that a signed edit never counts places.

use crate::edit::{ElementRef, Pointer, Step};
use crate::id::ElementId;
use crate::limits;
use crate::tree::Tree;
use crate::value::{BadValue, check_key};

/// Why a text is no pointer into a value. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPointer {
    /// Neither empty nor beginning with a slash.
    #[error("a pointer is empty or begins with `/`, like `/limits/max`")]
    NoSlash,
    /// A tilde that is neither `~0` nor `~1`.
    #[error("pointer step {0:?}: write `~` as `~0` and `/` as `~1`")]
    Escape(String),
    /// More steps than a value is deep.
    #[error("a pointer has at most {max} steps, got {got}", max = limits::POINTER_STEPS)]
    TooDeep {
        /// Steps given.
        got: usize,
    },
    /// A key that no map can have.
    #[error("pointer: {0}")]
    Key(#[from] BadValue),
    /// Nothing lies on the way.
    #[error("pointer step {0:?}: nothing is there to step into")]
    Nothing(String),
    /// What lies on the way has no children.
    #[error("pointer step {0:?}: what it steps into is neither a map nor a list")]
    NotAContainer(String),
    /// A step into a list that is no index.
    #[error("pointer step {0:?}: a list needs an index, digits without leading zeros")]
    NotAnIndex(String),
    /// An index at or behind the end of the list.
    #[error("pointer step {step:?}: the list has {len} elements")]
    PastEnd {
        /// The step.
        step: String,
        /// Length of the list.
        len: usize,
    },
}

impl BadPointer {
    /// A stable code for problem types and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoSlash => "pointer_no_slash",
            Self::Escape(_) => "pointer_escape",
            Self::TooDeep { .. } => "pointer_too_deep",
            Self::Key(bad) => bad.word(),
            Self::Nothing(_) => "pointer_nothing",
            Self::NotAContainer(_) => "pointer_not_a_container",
            Self::NotAnIndex(_) => "pointer_not_an_index",
            Self::PastEnd { .. } => "pointer_past_end",
        }
    }
}

/// The steps of a JSON Pointer as texts, `~0` and `~1` undone.
pub(crate) fn tokens(pointer: &str) -> Result<Vec<String>, BadPointer> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or(BadPointer::NoSlash)?;
    let got = rest.split('/').count();
    if got > limits::POINTER_STEPS {
        return Err(BadPointer::TooDeep { got });
    }
    rest.split('/').map(unescape).collect()
}

fn unescape(step: &str) -> Result<String, BadPointer> {
    let mut parts = step.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            (None, None) => return Err(BadPointer::Escape(step.to_owned())),
        };
        text.push(sign);
        text.push_str(rest);
    }
    check_key(&text)?;
    Ok(text)
}

/// The element that an index names.
pub(crate) fn element<'t>(items: &'t [(ElementId, Tree)], step: &str) -> Result<&'t (ElementId, Tree), BadPointer> {
    if step == "-" {
        return Err(BadPointer::PastEnd { step: step.to_owned(), len: items.len() });
    }
    let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (step.starts_with('0') && step != "0") {
        return Err(BadPointer::NotAnIndex(step.to_owned()));
    }
    let found = step.parse().ok().and_then(|index: usize| items.get(index));
    found.ok_or_else(|| BadPointer::PastEnd { step: step.to_owned(), len: items.len() })
}

/// Reads a JSON Pointer against an entry's merged value (`None`: the entry is absent). All but the last step must lead
/// somewhere; the last may be a map key that does not exist yet. A list index becomes the name of its element.
pub fn resolve(root: Option<&Tree>, pointer: &str) -> Result<Pointer, BadPointer> {
    let mut tree = root;
    let mut steps = Pointer::new();
    for token in tokens(pointer)? {
        let (step, next) = match tree {
            None => return Err(BadPointer::Nothing(token)),
            Some(Tree::Leaf(_) | Tree::Counter(_)) => return Err(BadPointer::NotAContainer(token)),
            Some(Tree::List(items)) => {
                let (id, tree) = element(items, &token)?;
                (Step::Element(ElementRef::Of(*id)), Some(tree))
            }
            Some(Tree::Map(entries)) => {
                let next = entries.get(&token);
                (Step::Key(token), next)
            }
        };
        steps.push(step);
        tree = next;
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use crate::id::StatementId;
    use crate::tree::Naming;
    use crate::{Tree, json};

    const MADE: StatementId = StatementId([7; 32]);

    fn tree(text: &str) -> Tree {
        Tree::build(&json::parse(text.as_bytes()).unwrap(), &mut Naming { statement: MADE, edit: 2, next: 0 })
    }

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    fn element(ordinal: u32) -> Step {
        Step::Element(ElementRef::Of(ElementId { statement: MADE, edit: 2, ordinal }))
    }

    #[test]
    fn keys_stay_names_and_indices_become_names() {
        let tree = tree(r#"{"a/b":{"~":1},"":2,"l":[[3],{"x":4}],"0":5}"#);
        for (pointer, want) in [
            ("", vec![]),
            ("/a~1b/~0", vec![key("a/b"), key("~")]),
            ("/", vec![key("")]),
            ("/0", vec![key("0")]),
            ("/l/0/0", vec![key("l"), element(0), element(1)]),
            ("/l/1/x", vec![key("l"), element(2), key("x")]),
            ("/l/1/new", vec![key("l"), element(2), key("new")]),
            ("/~01", vec![key("~1")]),
        ] {
            assert_eq!(resolve(Some(&tree), pointer), Ok(want), "{pointer}");
        }
        assert_eq!(resolve(None, ""), Ok(vec![]));
    }

    #[test]
    fn bad_pointers_say_which_step_is_bad() {
        let tree = tree(r#"{"l":[1,2],"n":null}"#);
        let long = format!("/{}", "k".repeat(limits::KEY_BYTES + 1));
        let deep = "/a".repeat(limits::POINTER_STEPS + 1);
        for (pointer, want) in [
            ("l", "pointer_no_slash"),
            ("#/l", "pointer_no_slash"),
            ("/~", "pointer_escape"),
            ("/~2", "pointer_escape"),
            ("/l/2", "pointer_past_end"),
            ("/l/-", "pointer_past_end"),
            ("/l/99999999999999999999999", "pointer_past_end"),
            ("/l/-1", "pointer_not_an_index"),
            ("/l/+1", "pointer_not_an_index"),
            ("/l/01", "pointer_not_an_index"),
            ("/l/1.0", "pointer_not_an_index"),
            ("/l/\u{661}", "pointer_not_an_index"),
            ("/l/", "pointer_not_an_index"),
            ("/l/0/x", "pointer_not_a_container"),
            ("/n/x", "pointer_not_a_container"),
            ("/x/y", "pointer_nothing"),
            (&long, "long_key"),
            (&deep, "pointer_too_deep"),
        ] {
            assert_eq!(resolve(Some(&tree), pointer).map_err(|bad| bad.word()), Err(want), "{pointer}");
        }
        assert_eq!(resolve(None, "/a").map_err(|bad| bad.word()), Err("pointer_nothing"));
        let bad = resolve(Some(&tree), "/l/2").unwrap_err();
        assert_eq!(bad.to_string(), r#"pointer step "2": the list has 2 elements"#);
    }
}
