//! Reading what should be: JSON and YAML from files, directories and standard input. It must not know the mesh.
//!
//! Without a prefix, files hold documents: `{path: shop/limits, value: {...}}`, several in one YAML file between `---`
//! lines, in one JSON file one after the other, or in a list. With a prefix, each file holds one value, and its place
//! below the directory, without its extension, is its path below the prefix.

mod text;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path as FilePath, PathBuf};

use driftless_statement::{Path, Prefix, Value};

use crate::exit::Failure;
use text::{Found, Place};

/// What the input says, by path.
pub type Wanted = BTreeMap<Path, Value>;

/// One file's place and text.
struct Source {
    /// For messages.
    name: String,
    /// Below the directory given, without extension; empty for standard input.
    place: Vec<String>,
    text: String,
}

/// More than this is no configuration: 256 entries of the largest size.
const INPUT_BYTES: u64 = 256 * 1024 * 1024;

/// Reads all inputs.
pub fn read(files: &[String], prefix: Option<&Prefix>) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::new();
    let mut from: BTreeMap<Path, String> = BTreeMap::new();
    for source in sources(files)? {
        for (path, value) in entries(&source, prefix)? {
            if let Some(first) = from.insert(path.clone(), source.name.clone()) {
                return Err(Failure::Usage(format!("{path} is given twice: in {first} and in {}", source.name)));
            }
            wanted.insert(path, value);
        }
    }
    Ok(wanted)
}

fn sources(files: &[String]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for file in files {
        if file == "-" {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(INPUT_BYTES).read_to_string(&mut text);
            read.map_err(|error| Failure::file("standard input", error))?;
            sources.push(Source { name: "standard input".into(), place: Vec::new(), text });
            continue;
        }
        let path = PathBuf::from(file);
        let about = std::fs::metadata(&path).map_err(|error| Failure::file(&path, error))?;
        if about.is_dir() {
            let before = sources.len();
            walk(&path, &mut Vec::new(), &mut sources)?;
            if sources.len() == before {
                return Err(Failure::Usage(format!("{file}: no .json, .yaml or .yml file in this directory")));
            }
        } else {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            sources.push(Source { name: file.clone(), place: stem.into_iter().collect(), text: content(&path)? });
        }
    }
    Ok(sources)
}

/// Takes the files below a directory in, in order of their names. Hidden ones and other kinds of files are left out.
fn walk(directory: &FilePath, place: &mut Vec<String>, sources: &mut Vec<Source>) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::file(directory, error);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(directory).map_err(fail)?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(fail)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        // Links to files count (mounted volumes are made of them); links to directories do not, for they may go round.
        if path.is_dir() && !path.is_symlink() {
            place.push(name);
            walk(&path, place, sources)?;
            place.pop();
        } else if path.is_file() && is_input(&path) {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let place = place.iter().cloned().chain(stem).collect();
            sources.push(Source { name: path.display().to_string(), place, text: content(&path)? });
        }
    }
    Ok(())
}

fn is_input(path: &FilePath) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|e| matches!(e, "json" | "yaml" | "yml"))
}

fn content(path: &FilePath) -> Result<String, Failure> {
    let length = std::fs::metadata(path).map_err(|error| Failure::file(path, error))?.len();
    if length > INPUT_BYTES {
        return Err(Failure::Usage(format!("{}: {length} bytes is more than {INPUT_BYTES}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, error))?;
    String::from_utf8(bytes).map_err(|_| Failure::Usage(format!("{}: is not UTF-8 text", path.display())))
}

fn entries(source: &Source, prefix: Option<&Prefix>) -> Result<Vec<(Path, Value)>, Failure> {
    let about = |error: String| Failure::Usage(format!("{}: {error}", source.name));
    let at = |place: Place, error: String| {
        Failure::Usage(format!("{}:{}:{}: {error}", source.name, place.line, place.column))
    };
    let found = text::values(&source.text, source.name.ends_with(".json"), prefix.is_none());
    let found = found.map_err(|bad| at(bad.at, bad.what))?;
    let Some(prefix) = prefix else {
        return found.into_iter().map(|found| document(found.value).map_err(|error| at(found.at, error))).collect();
    };
    if source.place.is_empty() {
        return Err(Failure::Usage("standard input has no place below --prefix: give documents, or a file".into()));
    }
    let [found] = <[Found; 1]>::try_from(found)
        .map_err(|found| about(format!("holds {} values; with --prefix each file holds one", found.len())))?;
    let above = Some(prefix.as_str()).filter(|text| !text.is_empty());
    let text: Vec<&str> = above.into_iter().chain(source.place.iter().map(String::as_str)).collect();
    let path = Path::parse(&text.join("/")).map_err(|error| about(format!("its place gives no path: {error}")))?;
    Ok(vec![(path, found.value)])
}

fn document(value: Value) -> Result<(Path, Value), String> {
    const FORM: &str = "a document is a map with exactly `path` and `value` (or give --prefix: then files are values)";
    let Value::Map(mut fields) = value else { return Err(format!("found {}; {FORM}", kind(&value))) };
    let path = match fields.remove("path") {
        Some(Value::Text(text)) => Path::parse(&text).map_err(|error| format!("path {text:?}: {error}"))?,
        Some(other) => return Err(format!("`path` is {}; it must be a text", kind(&other))),
        None => return Err(format!("a document has no `path`; {FORM}")),
    };
    let value = fields.remove("value").ok_or_else(|| format!("{path}: the document has no `value`; {FORM}"))?;
    match fields.keys().next() {
        Some(unknown) => Err(format!("{path}: unknown key {unknown:?} beside `path` and `value`; {FORM}")),
        None => Ok((path, value)),
    }
}

/// One value given as YAML, for `edit`.
pub fn one(text: &str) -> Result<Value, String> {
    let found = text::values(text, false, false).map_err(|bad| bad.to_string())?;
    let [found] =
        <[Found; 1]>::try_from(found).map_err(|found| format!("found {} values, expected one", found.len()))?;
    Ok(found.value)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use driftless_statement::json;

    use super::*;

    fn read_one(name: &str, text: &str, prefix: Option<&str>) -> Result<Wanted, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let prefix = prefix.map(|text| Prefix::parse(text).unwrap());
        let read = read(&[file.display().to_string()], prefix.as_ref());
        read.map_err(|error| error.to_string().replace(&dir.path().display().to_string(), "DIR"))
    }

    fn shown(wanted: &Wanted) -> Vec<String> {
        wanted.iter().map(|(path, value)| format!("{path} {}", json::to_string(value))).collect()
    }

    #[test]
    fn documents_come_in_every_form() {
        let yaml =
            "path: shop/a\nvalue: {x: 1, y: 1.0}\n---\n- path: shop/b\n  value: yes\n- {path: web/c, value: null}\n";
        let wanted = read_one("a.yaml", yaml, None).unwrap();
        assert_eq!(shown(&wanted), ["shop/a {\"x\":1,\"y\":1.0}", "shop/b \"yes\"", "web/c null"]);
        let json = "{\"path\":\"shop/a\",\"value\":18446744073709551615}\n[{\"path\":\"shop/b\",\"value\":[1]}]";
        assert_eq!(shown(&read_one("a.json", json, None).unwrap()), ["shop/a 18446744073709551615", "shop/b [1]"]);
        assert_eq!(shown(&read_one("a.txt", json, None).unwrap()).len(), 2);
    }

    #[test]
    fn a_file_below_a_prefix_is_a_value() {
        assert_eq!(shown(&read_one("limits.yaml", "max: 3", Some("shop/x")).unwrap()), ["shop/x/limits {\"max\":3}"]);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("shop/deep")).unwrap();
        std::fs::write(dir.path().join("shop/deep/a.json"), "1").unwrap();
        std::fs::write(dir.path().join("shop/b.yml"), "x").unwrap();
        std::fs::write(dir.path().join("shop/.hidden.yml"), "x").unwrap();
        std::fs::write(dir.path().join("shop/README.md"), "x").unwrap();
        let wanted = read(&[dir.path().display().to_string()], Some(&Prefix::all())).unwrap();
        assert_eq!(shown(&wanted), ["shop/b \"x\"", "shop/deep/a 1"]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let bad = |name: &str, text: &str| read_one(name, text, None).unwrap_err();
        assert!(bad("a.yaml", "value: 1").starts_with("DIR/a.yaml:1:1: a document has no `path`"));
        assert!(bad("a.yaml", "path: shop/a").contains("has no `value`"));
        assert!(bad("a.yaml", "path: shop\nvalue: 1").contains("two segments"));
        assert!(bad("a.yaml", "path: 3\nvalue: 1").contains("must be a text"));
        assert!(bad("a.yaml", "path: shop/a\nvalue: 1\nvalu: 2").contains("unknown key \"valu\""));
        assert!(bad("a.yaml", "3").contains("found a number"));
        assert!(
            bad("a.yaml", "path: shop/a\npath: shop/b\nvalue: 1").starts_with("DIR/a.yaml:2:1: a key is given twice")
        );
        assert!(
            bad("a.yaml", "path: shop/a\nvalue: .nan").contains("finite"),
            "{}",
            bad("a.yaml", "path: shop/a\nvalue: .nan")
        );
        for big in
            ["18446744073709551616", "-9223372036854775809", "{a: [0x10000000000000000]}", "1_0000_0000_0000_0000_0000"]
        {
            let said = bad("a.yaml", &format!("path: shop/a\nvalue: {big}"));
            assert!(said.contains("64 bits"), "{said}");
        }
        assert!(bad("a.yaml", "path: shop/a\nvalue: 0755").contains("octal"));
        assert!(bad("a.json", "{\"path\":\"shop/a\",\"value\":18446744073709551616}").contains("64 bits"));
        assert!(bad("a.json", "{\"path\":\"shop/a\",\"value\":{\"a\":1,\"a\":2}}").contains("twice"));
        assert!(bad("a.json", "{").starts_with("DIR/a.json:1:1: not JSON"));
        let second = bad("a.yaml", "path: a/b\nvalue: 1\n---\npath: a/c\n");
        assert!(second.starts_with("DIR/a.yaml:4:1: a/c: the document has no `value`"), "{second}");
        assert!(bad("a.yaml", "a: [").starts_with("DIR/a.yaml:1:4: "));
        let twice = bad("a.yaml", "{path: shop/a, value: 1}\n---\n{path: shop/a, value: 2}");
        assert!(twice.contains("given twice"), "{twice}");
        assert!(read_one("a.yaml", "1\n---\n2", Some("shop")).unwrap_err().contains("holds 2 values"));
        assert!(read_one("A b.yaml", "1", Some("shop")).unwrap_err().contains("its place gives no path"));
    }
}
