//! The table of guards, `guards.toml`: which text of which file is a guard, what stands there when it is off, and which
//! test must then fail. It knows files as texts, and nothing of what they mean.

use std::path::Path;

/// One guard.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// What is guarded, in a few words; unique.
    pub name: String,
    /// What would happen without it, or which threat or property it serves.
    pub keeps: String,
    /// The file, from the root of the repository.
    pub file: String,
    /// The guard's text: it occurs there exactly once.
    pub on: String,
    /// What stands in its place when the guard is off.
    pub off: String,
    /// The test that must fail then.
    pub check: Check,
}

/// A test by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Check {
    /// The package.
    pub package: String,
    /// `lib` for tests beside the code, else the name of a test target.
    pub target: String,
    /// The whole name of the test inside its target.
    pub test: String,
}

impl TryFrom<String> for Check {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.split(' ').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(package), Some(target), Some(test), None) => Ok(Self { package, target, test }),
            _ => Err(format!("check: `PACKAGE TARGET TEST`, got {text:?}")),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    guard: Vec<Guard>,
}

/// All guards, in the order of the file.
pub fn read(root: &Path) -> Result<Vec<Guard>, String> {
    let file = root.join("tests/guards/guards.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let table: Table = toml::from_str(&text).map_err(|error| format!("guards.toml: {error}"))?;
    Ok(table.guard)
}

impl Guard {
    /// The file with the guard off. Refuses when the guard's text is not there exactly once.
    pub fn switched_off(&self, text: &str) -> Result<String, String> {
        match text.matches(self.on.as_str()).count() {
            1 => Ok(text.replacen(self.on.as_str(), &self.off, 1)),
            0 => Err(format!(
                "{}: {} does not hold its text any more; put the new text into guards.toml",
                self.name, self.file
            )),
            many => Err(format!("{}: its text occurs {many} times in {}; make it longer", self.name, self.file)),
        }
    }
}
