//! Reading what should be: JSON and YAML from files, directories and standard input. It must not know the mesh.
//!
//! Without a prefix, files hold documents: `{path: shop/limits, value: {...}}`, several in one YAML file between `---`
//! lines, in one JSON file one after the other, or in a list. With a prefix, each file holds one value, and its place
//! below the directory, without its extension, is its path below the prefix.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path as FilePath, PathBuf};

use driftless_statement::{Path, Prefix, Value, json};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use crate::exit::Failure;

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
            sources.push(Source { name: file.clone(), place: stem.into_iter().collect(), text: text(&path)? });
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
            sources.push(Source { name: path.display().to_string(), place, text: text(&path)? });
        }
    }
    Ok(())
}

fn is_input(path: &FilePath) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|e| matches!(e, "json" | "yaml" | "yml"))
}

fn text(path: &FilePath) -> Result<String, Failure> {
    let length = std::fs::metadata(path).map_err(|error| Failure::file(path, error))?.len();
    if length > INPUT_BYTES {
        return Err(Failure::Usage(format!("{}: {length} bytes is more than {INPUT_BYTES}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, error))?;
    String::from_utf8(bytes).map_err(|_| Failure::Usage(format!("{}: is not UTF-8 text", path.display())))
}

fn entries(source: &Source, prefix: Option<&Prefix>) -> Result<Vec<(Path, Value)>, Failure> {
    let about = |error: String| Failure::Usage(format!("{}: {error}", source.name));
    let values = values(&source.text, source.name.ends_with(".json")).map_err(about)?;
    let Some(prefix) = prefix else {
        let flat = values.into_iter().flat_map(|value| match value {
            Value::List(items) => items,
            other => vec![other],
        });
        return flat.map(|value| document(value).map_err(about)).collect();
    };
    if source.place.is_empty() {
        return Err(Failure::Usage("standard input has no place below --prefix: give documents, or a file".into()));
    }
    let [value] = <[Value; 1]>::try_from(values)
        .map_err(|values| about(format!("holds {} values; with --prefix each file holds one", values.len())))?;
    let above = Some(prefix.as_str()).filter(|text| !text.is_empty());
    let text: Vec<&str> = above.into_iter().chain(source.place.iter().map(String::as_str)).collect();
    let path = Path::parse(&text.join("/")).map_err(|error| about(format!("its place gives no path: {error}")))?;
    Ok(vec![(path, value)])
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

/// Every value in a text.
fn values(text: &str, is_json: bool) -> Result<Vec<Value>, String> {
    if is_json || looks_like_json(text) {
        return json_values(text);
    }
    // `yes` and `on` are texts, as in YAML 1.2 and as in JSON.
    let options = serde_saphyr::options! { strict_booleans: true };
    let read = serde_saphyr::from_multiple_with_options(text, options);
    let read: Vec<Value> = read.map_err(|error| first_line(&error.to_string()))?;
    refuse_rounded(text)?;
    read.iter().try_for_each(Value::check).map_err(|error| error.to_string())?;
    Ok(read)
}

/// YAML readers turn integers beyond 64 bits into floats, and read a leading zero in three ways. Neither is guessed at.
fn refuse_rounded(text: &str) -> Result<(), String> {
    for event in Parser::new_from_str(text) {
        let Ok((Event::Scalar(scalar, ScalarStyle::Plain, _, None), _)) = event else { continue };
        let digits = scalar.strip_prefix(['-', '+']).unwrap_or(&scalar);
        let decimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
        let based = ["0x", "0X", "0o", "0b"].iter().any(|base| {
            digits
                .strip_prefix(base)
                .is_some_and(|rest| rest.len() > 16 && rest.chars().all(|c| c.is_ascii_hexdigit() || c == '_'))
        });
        if decimal && digits.len() > 1 && digits.starts_with('0') {
            return Err(format!("{scalar}: a number must not begin with 0 (is it octal?); quote it if it is a text"));
        }
        let plain: String = scalar.chars().filter(|c| *c != '_' && *c != '+').collect();
        let fits = plain.parse::<u64>().is_ok() || plain.parse::<i64>().is_ok();
        if (decimal && !fits) || based {
            return Err(format!("integer {scalar} does not fit 64 bits; quote it if it is a text"));
        }
    }
    Ok(())
}

fn looks_like_json(text: &str) -> bool {
    // YAML reads JSON too, but it would round an integer beyond 64 bits, and its messages are about YAML.
    text.trim_start().starts_with(['{', '['])
        && serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>().all(|value| value.is_ok())
}

fn json_values(text: &str) -> Result<Vec<Value>, String> {
    let mut parts = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let mut values = Vec::new();
    let mut start = 0;
    while let Some(part) = parts.next() {
        part.map_err(|error| format!("not JSON: {error}"))?;
        let end = parts.byte_offset();
        let slice = text.as_bytes().get(start..end).unwrap_or_default();
        values.push(json::parse(slice).map_err(|error| error.to_string())?);
        start = end;
    }
    Ok(values)
}

/// One value given as YAML, for `edit`.
pub fn one(text: &str) -> Result<Value, String> {
    let values = values(text, false)?;
    let [value] =
        <[Value; 1]>::try_from(values).map_err(|values| format!("found {} values, expected one", values.len()))?;
    Ok(value)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
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
        assert!(bad("a.yaml", "value: 1").starts_with("DIR/a.yaml: a document has no `path`"));
        assert!(bad("a.yaml", "path: shop/a").contains("has no `value`"));
        assert!(bad("a.yaml", "path: shop\nvalue: 1").contains("two segments"));
        assert!(bad("a.yaml", "path: 3\nvalue: 1").contains("must be a text"));
        assert!(bad("a.yaml", "path: shop/a\nvalue: 1\nvalu: 2").contains("unknown key \"valu\""));
        assert!(bad("a.yaml", "3").contains("found a number"));
        assert!(bad("a.yaml", "path: shop/a\npath: shop/b\nvalue: 1").contains("duplicate"));
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
        assert!(bad("a.json", "{").contains("not JSON"));
        assert!(bad("a.yaml", "a: [").starts_with("DIR/a.yaml: "));
        let twice = bad("a.yaml", "{path: shop/a, value: 1}\n---\n{path: shop/a, value: 2}");
        assert!(twice.contains("given twice"), "{twice}");
        assert!(read_one("a.yaml", "1\n---\n2", Some("shop")).unwrap_err().contains("holds 2 values"));
        assert!(read_one("A b.yaml", "1", Some("shop")).unwrap_err().contains("its place gives no path"));
    }
}
