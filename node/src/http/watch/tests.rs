//! The watch machine against views: what it tells, in which order, and that it tells the truth after any lag.

use std::collections::BTreeMap;

use driftless_client::api::Item;
use driftless_core::view::Candidate;
use driftless_statement::Value;

use super::super::access::Who;
use super::*;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn next(view: &Arc<View>, changes: &[(&str, Option<i128>)]) -> Arc<View> {
    let candidates = changes.iter().map(|(at, value)| Candidate {
        path: path(at),
        value: value.map(|value| Arc::new(Value::Int(value))),
        heads: Arc::new([]),
        conflicts: 0,
    });
    Arc::new(view.next(candidates).unwrap().0)
}

fn empty() -> Arc<View> {
    Arc::new(View::empty(1, 1))
}

fn shop() -> Target {
    Target::Under(Prefix::parse("shop").unwrap())
}

/// What a client would hold after these events: the same rules as in the documentation.
#[derive(Default)]
struct Reader {
    held: BTreeMap<String, i128>,
    last_id: Option<String>,
    names: Vec<String>,
    latest: Latest,
}

impl Reader {
    fn read(&mut self, text: &str) {
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            self.names.push(field("event").unwrap().to_owned());
            match serde_json::from_str(field("data").unwrap()).unwrap() {
                WatchEvent::Reset { .. } => self.held.clear(),
                WatchEvent::Put(Item { path, value: Value::Int(value), .. }) => {
                    self.held.insert(path.to_string(), value);
                }
                WatchEvent::Delete { path, .. } => drop(self.held.remove(path.as_str())),
                WatchEvent::Synced { .. } | WatchEvent::Alive { .. } => {}
                WatchEvent::Put(item) => panic!("{item:?}"),
            }
            if let Some(id) = field("id") {
                self.last_id = Some(id.to_owned());
            }
        }
    }

    fn drain(&mut self, watcher: &mut Watcher, view: &Arc<View>) {
        if let Some(text) = watcher.look(view) {
            self.read(&text);
        }
        while let Some(text) = watcher.next(&self.latest) {
            self.read(str::from_utf8(&text).unwrap());
        }
    }
}

#[test]
fn watches_of_one_change_share_its_event_and_others_get_their_own() {
    let latest = Latest::default();
    let first = next(&empty(), &[("shop/a", Some(1)), ("shop/b", Some(2))]);
    let watch = |target: Target| Watcher::new(target, Permit::everything(Who::Unknown), Some(first.revision()));
    let entry = |at: &str| Target::Entry(path(at));
    let tell = |watcher: &mut Watcher, view: &Arc<View>| {
        assert!(watcher.look(view).is_none());
        let text = watcher.next(&latest).unwrap();
        assert!(watcher.next(&latest).is_none());
        text
    };
    let both = next(&first, &[("shop/a", Some(3)), ("shop/b", None)]);
    let (mut a, mut again, mut b, mut all) =
        (watch(entry("shop/a")), watch(entry("shop/a")), watch(entry("shop/b")), watch(shop()));
    let (one, two) = (tell(&mut a, &both), tell(&mut again, &both));
    assert_eq!(one.as_ptr(), two.as_ptr(), "one text");
    let (gone, whole) = (tell(&mut b, &both), tell(&mut all, &both));
    let data = |text: &Bytes| {
        let text = str::from_utf8(text).unwrap().to_owned();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!([data(&one), data(&gone)].concat(), data(&whole), "an event says the same, told alone or among others");
    assert!(str::from_utf8(&gone).unwrap().starts_with("event: delete\nid: "));
    // The same entry again: another revision, so another event.
    let later = next(&both, &[("shop/a", Some(4))]);
    assert!(data(&tell(&mut a, &later)).concat().contains("\"value\":4"));
    assert_eq!(tell(&mut all, &later), tell(&mut again, &later));
}

#[test]
fn a_new_watch_gets_the_state_then_changes_each_with_an_id() {
    let first = next(&empty(), &[("shop/a", Some(1)), ("shop/b", Some(2)), ("other/c", Some(3))]);
    let mut watcher = Watcher::new(shop(), Permit::everything(Who::Unknown), None);
    let mut reader = Reader::default();
    reader.drain(&mut watcher, &first);
    assert_eq!(reader.names, ["reset", "put", "put", "synced"]);
    assert_eq!(reader.last_id, Some(first.revision().to_string()));
    let second = next(&first, &[("shop/a", None), ("shop/b", Some(5)), ("other/c", Some(6))]);
    reader.names.clear();
    reader.drain(&mut watcher, &second);
    assert_eq!(reader.names, ["delete", "put"]);
    assert_eq!(reader.held, BTreeMap::from([("shop/b".to_owned(), 5)]));
    assert_eq!(reader.last_id, Some(second.revision().to_string()));
}

#[test]
fn a_slow_reader_gets_the_latest_values_once() {
    let mut view = next(&empty(), &[("shop/a", Some(0))]);
    let mut watcher = Watcher::new(shop(), Permit::everything(Who::Unknown), None);
    let mut reader = Reader::default();
    reader.drain(&mut watcher, &view);
    reader.names.clear();
    for value in 1..100 {
        view = next(&view, &[("shop/a", Some(value))]);
    }
    reader.drain(&mut watcher, &view);
    assert_eq!(reader.names, ["put"]);
    assert_eq!(reader.held["shop/a"], 99);
}

#[test]
fn an_entry_watch_is_about_that_entry_alone() {
    let view = next(&empty(), &[("shop/a", Some(1)), ("shop/a/b", Some(2)), ("shop/a-b", Some(3))]);
    let mut watcher = Watcher::new(Target::Entry(path("shop/a")), Permit::everything(Who::Unknown), None);
    let mut reader = Reader::default();
    reader.drain(&mut watcher, &view);
    assert_eq!(reader.held.len(), 1);
    reader.names.clear();
    let view = next(&view, &[("shop/a/b", Some(4)), ("shop/a-b", Some(5))]);
    reader.drain(&mut watcher, &view);
    assert!(reader.names.is_empty());
}

#[test]
fn a_resumed_watch_gets_only_what_it_missed() {
    let first = next(&empty(), &[("shop/a", Some(1)), ("shop/b", Some(2))]);
    let second = next(&first, &[("shop/b", Some(3))]);
    let mut watcher = Watcher::new(shop(), Permit::everything(Who::Unknown), Some(first.revision()));
    let mut reader = Reader { held: BTreeMap::from([("shop/a".to_owned(), 1)]), ..Reader::default() };
    reader.drain(&mut watcher, &second);
    assert_eq!(reader.names, ["put"]);
    assert_eq!(reader.held.len(), 2);
}

#[test]
fn whoever_comes_from_another_store_boot_or_future_starts_anew() {
    let view = next(&empty(), &[("shop/a", Some(1))]);
    let now = view.revision();
    for resume in [
        Revision { store: now.store + 1, ..now },
        Revision { boot: now.boot + 1, ..now },
        Revision { count: now.count + 1, ..now },
    ] {
        let mut reader = Reader { held: BTreeMap::from([("shop/old".to_owned(), 1)]), ..Reader::default() };
        reader.drain(&mut Watcher::new(shop(), Permit::everything(Who::Unknown), Some(resume)), &view);
        assert_eq!(reader.names, ["reset", "put", "synced"], "{resume}");
        assert_eq!(reader.held, BTreeMap::from([("shop/a".to_owned(), 1)]));
    }
}

#[test]
fn a_large_state_comes_in_chunks_from_one_view_and_catches_up_afterwards() {
    let names: Vec<String> = (0..3000).map(|index| format!("shop/{index:05}")).collect();
    let changes: Vec<(&str, Option<i128>)> = names.iter().map(|name| (name.as_str(), Some(7))).collect();
    let first = next(&empty(), &changes);
    let mut watcher = Watcher::new(shop(), Permit::everything(Who::Unknown), None);
    let mut reader = Reader::default();
    reader.read(&watcher.look(&first).unwrap());
    let mut chunks = 0;
    let second = next(&first, &[("shop/00000", None), ("shop/02999", Some(8))]);
    while let Some(text) = watcher.next(&Latest::default()) {
        assert!(text.len() < CHUNK_BYTES * 2, "{}", text.len());
        reader.read(str::from_utf8(&text).unwrap());
        chunks += 1;
        // A newer view in the middle of the state changes nothing yet.
        assert!(watcher.look(&second).is_none() || chunks > 3);
    }
    assert!(chunks > 3, "{chunks}");
    reader.drain(&mut watcher, &second);
    assert_eq!(reader.held.len(), 2999);
    assert_eq!(reader.held["shop/02999"], 8);
}

#[test]
fn any_sequence_of_lags_ends_with_the_views_own_values() {
    // A small walk over many interleavings: a reader that looks only now and then holds what the view holds.
    for seed in 0u64..200 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = move |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let mut view = next(&empty(), &[("shop/x", Some(0))]);
        let (mut watcher, mut reader) =
            (Watcher::new(shop(), Permit::everything(Who::Unknown), None), Reader::default());
        for step in 0..40 {
            let at = format!("shop/{}", roll(5));
            let value = (roll(4) > 0).then_some(step);
            if let Some((changed, _)) = view.next([Candidate {
                path: path(&at),
                value: value.map(|value| Arc::new(Value::Int(value))),
                heads: Arc::new([]),
                conflicts: 0,
            }]) {
                view = Arc::new(changed);
            }
            match roll(4) {
                0 => reader.drain(&mut watcher, &view),
                1 => {
                    // The connection breaks: the reader comes back with the last id it saw.
                    let resume = reader.last_id.as_ref().map(|id| id.parse().unwrap());
                    watcher = Watcher::new(shop(), Permit::everything(Who::Unknown), resume);
                }
                _ => {}
            }
        }
        reader.drain(&mut watcher, &view);
        let want: BTreeMap<String, i128> = view
            .under(&Prefix::parse("shop").unwrap(), None)
            .filter_map(|(path, found)| match found.value() {
                Some(Value::Int(value)) => Some((path.to_string(), value)),
                _ => None,
            })
            .collect();
        assert_eq!(reader.held, want, "seed {seed}");
    }
}
