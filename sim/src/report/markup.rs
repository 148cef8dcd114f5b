//! Text that may stand in a page. What comes from a run is escaped on its way in, and nothing else becomes [`Markup`], so
//! that a name with an angle bracket in it stays a name. It must not know what is drawn.

use std::fmt::{Display, Write};

/// Well-formed XML, which is HTML as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

/// Attributes of an element; values are escaped.
pub type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

impl Markup {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// A text, escaped.
    pub fn text(text: impl Display) -> Self {
        Self(escape(&text.to_string()))
    }

    /// A text that is part of this program and is known to need no escaping.
    pub fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Adds something at the end.
    pub fn push(&mut self, more: Self) {
        self.0.push_str(&more.0);
    }

    /// This, and then something.
    pub fn then(mut self, more: Self) -> Self {
        self.push(more);
        self
    }

    /// The finished text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<I: IntoIterator<Item = Markup>>(parts: I) -> Self {
        parts.into_iter().fold(Self::none(), Self::then)
    }
}

/// An element. HTML has elements that must not be closed by a slash and others that must not be closed by a tag; the few
/// of the former that pages here need are named.
pub fn element(name: &'static str, attributes: Attributes, inside: Markup) -> Markup {
    let mut out = format!("<{name}");
    for (key, value) in attributes {
        let _ = write!(out, " {key}=\"{}\"", escape(&value.to_string()));
    }
    if matches!(name, "meta" | "br") {
        out.push_str("/>");
    } else {
        let _ = write!(out, ">{}</{name}>", inside.0);
    }
    Markup(out)
}

/// Characters with a meaning in markup are written as entities; characters that XML cannot hold become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_are_escaped() {
        let made = element("p", &[("title", &"a\"b'c")], Markup::text("<script>1 && 2</script>\u{1}"));
        let wanted = "<p title=\"a&quot;b&#39;c\">&lt;script&gt;1 &amp;&amp; 2&lt;/script&gt;\u{fffd}</p>";
        assert_eq!(made.into_string(), wanted);
    }

    #[test]
    fn elements_nest_without_being_escaped_twice() {
        let inner = element("b", &[], Markup::text("&"));
        assert_eq!(element("p", &[], inner).into_string(), "<p><b>&amp;</b></p>");
    }
}
