//! Snapshots of what is printed, from answers written out as JSON.
#![allow(clippy::unwrap_used)]

mod audit;

use driftless_client::api::{
    Author, Change, Conflicts, Divergence, Explanation, Flood, Grants, Item, Merged, PendingList, Preview,
    StatementInfo, Status,
};
use driftless_client::sign::{self, Desired};
use driftless_statement::json;
use insta::assert_snapshot;
use serde::de::DeserializeOwned;

use super::status::Overview;
use super::{Now, change, conflicts, entries, explain, grants, pending, plan, revocations, statements, status};
use crate::args::Goal;
use crate::out::Paint;

/// 2026-11-21T10:00:00Z.
const NOW: Now = Now(1_795_255_200_000);

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// Reads an answer; `%a` stands for the id or key of sixty-four times `a`.
fn answer<T: DeserializeOwned>(text: &str) -> T {
    let text = "0123456789abcdef".chars().fold(text.to_owned(), |text, c| text.replace(&format!("%{c}"), &id(c)));
    json::read(text.as_bytes()).unwrap()
}

const WRITE: &str = r#"{"id":"%a","scope":"shop","author":"%1","grant":"%2","hlc":"1795251600000.0",
    "time":"2026-11-21T09:00:00Z","kind":"write","paths":["shop/checkout/limits"],"edits":[["put /max 30"]],
    "note":{"reason":"Black Friday","ticket":"OPS-7"},"fate":"fit","bases":{"shop/checkout/limits":["%b"]}}"#;
const VOID: &str = r#"{"id":"%b","scope":"shop","author":"%3","grant":"%4","hlc":"1795168800000.0",
    "time":"2026-11-20T10:00:00Z","kind":"write","paths":["shop/checkout/limits","shop/flags"],
    "edits":[["put /max 9000","delete /soft"],["put the whole value {\"dark\":true}"]],"fate":"void",
    "reason":"no such grant","skipped":["shop/checkout/limits: delete /soft: the target is not there"]}"#;
const GRANT: &str = r#"{"id":"%c","scope":"@mesh","author":"%1","grant":"%2","hlc":"1790000000000.0",
    "time":"2026-09-21T14:13:20Z","kind":"grant","paths":[],"fate":"fit"}"#;

fn history() -> Vec<StatementInfo> {
    [WRITE, VOID, GRANT].into_iter().map(answer).collect()
}

fn items() -> Vec<Item> {
    answer(
        r#"[{"path":"shop/checkout/limits","value":{"max":30,"soft":1.0},"etag":"e","revision":"r","conflicts":1},
        {"path":"shop/flags","value":{"dark":true,"note":"a long text that does not fit into the column of a table"},"etag":"e",
         "revision":"r","differs":true,"conflicts":0},
        {"path":"web/motd","value":"hello\nworld","etag":"e","revision":"r","conflicts":0}]"#,
    )
}

const CONFLICTS: &str = r#"{"total":3,"conflicts":[{"path":"shop/checkout/limits","pointer":"/max",
    "winner":{"id":"%a","author":"%1","time":"2026-11-21T09:00:00Z","edit":"put /max 30"},
    "loser":{"id":"%b","author":"%3","time":"2026-11-21T08:59:00Z","edit":"put /max 20"}},
    {"path":"shop/flags","pointer":"",
    "winner":{"id":"%c","author":"%1","time":"2026-11-21T09:00:00Z","edit":"delete the whole value"},
    "loser":{"id":"%d","author":"%3","time":"2026-11-21T08:59:00Z","edit":"put /dark true"}}]}"#;

#[test]
fn a_listing() {
    assert_snapshot!(entries::listing(Paint::NONE, &items()));
    assert_eq!(entries::listing(Paint::NONE, &[]), "");
}

#[test]
fn a_value() {
    assert_snapshot!(items().first().map(entries::value).unwrap());
}

#[test]
fn a_history() {
    assert_snapshot!(statements::short(Paint::NONE, NOW, &history()));
}

#[test]
fn a_long_history() {
    assert_snapshot!(statements::long(Paint::NONE, NOW, &history()));
}

#[test]
fn open_conflicts() {
    assert_snapshot!(conflicts::conflicts(Paint::NONE, &answer::<Conflicts>(CONFLICTS)));
}

#[test]
fn open_conflicts_in_colour() {
    assert_snapshot!(conflicts::conflicts(Paint::ALWAYS, &answer::<Conflicts>(CONFLICTS)).replace('\u{1b}', "ESC"));
}

#[test]
fn an_explanation() {
    let conflicts = CONFLICTS.split_once(r#""conflicts":"#).unwrap().1.strip_suffix('}').unwrap();
    let text = format!(
        r#"{{"path":"shop/checkout/limits","merged":{{"max":30,"soft":1.0}},"effective":{{"max":20,"soft":1.0}},"heads":["%a"],
        "winners":[{{"pointer":"/max","value":30,"id":"%a","author":"%1","time":"2026-11-21T09:00:00Z"}},
        {{"pointer":"/soft","value":1.0,"id":"%b","author":"%3","time":"2026-11-20T09:00:00Z"}}],
        "conflicts":{conflicts},"kept_out":[{VOID}],"chains":{{"%a":["%2","%0"],"%b":[],"%c":["%4","%2","%0"]}},
        "approvals":{{"%2":[{{"id":"%d","key":"%9","time":"2026-11-20T09:00:00Z","fate":"fit"}},
        {{"id":"%e","key":"%8","time":"2026-11-20T09:00:00Z","fate":"void"}}]}}}}"#
    );
    assert_snapshot!(explain::explanation(Paint::NONE, NOW, &answer::<Explanation>(&text)));
}

const STATUS: &str = r#"{"node":"%1","name":"node-1","mesh":"%0","mesh_name":"demo","version":"0.1.0","fold_version":1,
    "revision":"5f3a09c2b1d4e6f8-12.345","peers":["%2"],"statements":420,"waiting":2,"entries":88,"conflicts":1,
    "scopes":[{"scope":"@mesh","state":"in_sync","statements":7,"set":"1111111111111111","merged":"2222222222222222",
    "effective":"3333333333333333"},{"scope":"shop","state":"differs","statements":413,"set":"4444444444444444",
    "merged":"5555555555555555","effective":"6666666666666666"}],"health":["isolated","stale_peers"],"store_bytes":3145728,"staleness":75,"agreeing":1,
    "bans":[{"who":"%9","why":"messages that no honest node hands on","ends_seconds":90}]}"#;
const DIVERGENCE: &str = r#"{"node":"%1","ratio":0.5,"age_seconds":90,"expected":3,"heard":2,"silent":1,"alarm":false,"nodes":[
    {"node":"%1","name":"node-1","this":true,"state":"in_sync","since_seconds":4000,"heard_seconds":0,"lag_ms":0,
    "fold_version":1,"peers":1,"health":[],"scopes":[{"scope":"shop","state":"in_sync","statements":413,
    "set":"4444444444444444","merged":"5555555555555555","effective":"6666666666666666"}]},
    {"node":"%2","name":"node-2","this":false,"state":"differs","since_seconds":90,"heard_seconds":3,"lag_ms":1500,
    "fold_version":1,"peers":1,"health":["read_only"],"scopes":[{"scope":"shop","state":"differs","statements":410,
    "set":"7777777777777777","merged":"8888888888888888","effective":"9999999999999999"}]},
    {"node":"%3","name":"","this":false,"state":"silent","since_seconds":400,"heard_seconds":null,"lag_ms":0,
    "fold_version":0,"peers":0,"health":[],"scopes":[]}]}"#;

#[test]
fn the_status_of_a_mesh_in_trouble() {
    let overview = Overview { status: answer::<Status>(STATUS), divergence: answer::<Divergence>(DIVERGENCE) };
    assert_snapshot!(status::overview(Paint::NONE, &overview));
}

#[test]
fn the_status_with_an_alarm() {
    let mut overview = Overview { status: answer::<Status>(STATUS), divergence: answer::<Divergence>(DIVERGENCE) };
    overview.divergence.alarm = true;
    let flood = answer::<Flood>(
        r#"{"author":"%3","since":"2026-11-26T21:40:07.318Z","last":"2026-11-26T21:41:00.000Z","delayed":1204,"now":true}"#,
    );
    overview.status.floods = vec![flood.clone(), Flood { now: false, ..flood }];
    overview.divergence.nodes.clear();
    overview.status.scopes.clear();
    overview.status.staleness = None;
    assert_snapshot!(status::overview(Paint::NONE, &overview));
}

const GRANTS: &str = r#"{"genesis":"%0","epoch":"%0","roots":["%9"],"threshold":1,"after":5,"grants":[
    {"id":"%2","issuer":"%9","key":"%1","verbs":["write","delegate"],"prefix":"","scopes":[],"rank":1,
    "state":"authorised","chain":["%0"]},
    {"id":"%4","issuer":"%1","key":"%3","verbs":["member"],"prefix":"shop","scopes":["shop"],"rank":2,
    "state":"pending","chain":["%2","%0"]}]}"#;

#[test]
fn all_grants() {
    assert_snapshot!(grants::grants(Paint::NONE, &answer::<Grants>(GRANTS)));
}

#[test]
fn grants_on_terms_and_what_is_pending() {
    let grants = answer::<Grants>(
        r#"{"genesis":"%0","epoch":"%7","roots":["%8","%9"],"threshold":2,"after":5,"epochs":[
        {"id":"%0","roots":["%9"],"threshold":1,"ended_by":["%7"],"heads":[]},
        {"id":"%7","roots":["%8","%9"],"threshold":2,"heads":["%2"]}],"grants":[
        {"id":"%2","issuer":"%9","key":"%1","verbs":["write"],"prefix":"shop","scopes":[],"rank":1,"state":"authorised",
        "chain":["%7","%0"],"demands":[{"demanded_by":"%2","for":"writes","approvals":2,"of":["%3","%4"]},
        {"demanded_by":"%2","for":"deletes","approvals":1,"of":["%3"]}],"not_after":"2027-01-31T00:00:00.000Z"},
        {"id":"%5","issuer":"%9","key":"%6","verbs":["member"],"prefix":"","scopes":[],"rank":1,"state":"authorised",
        "chain":["%7","%0"],"labels":{"region":"eu","zone":"A"}}]}"#,
    );
    assert_snapshot!(grants::grants(Paint::NONE, &grants));
    let list = format!(
        r#"{{"pending":[{{"statement":{WRITE},"wanted":[
        {{"demanded_by":"%2","need":2,"have":1,"of":["%3","%4","%5"],"by":["%3"]}},
        {{"demanded_by":"%6","need":1,"have":1,"of":["%3"],"by":["%3"]}}]}}],"total":3}}"#
    );
    let list = answer::<PendingList>(&list);
    assert_snapshot!(pending::list(Paint::NONE, &list, NOW));
    assert_snapshot!(pending::list(Paint::NONE, &PendingList { pending: Vec::new(), total: 0 }, NOW));
}

#[test]
fn revocations_and_what_they_strike() {
    let mut answer = answer::<Grants>(
        r#"{"genesis":"%0","epoch":"%0","roots":["%9"],"threshold":1,"after":5,"grants":[
        {"id":"%2","issuer":"%9","key":"%1","verbs":["write"],"prefix":"","scopes":[],"rank":1,"state":"authorised",
        "chain":["%0"],"struck_by":[{"revocation":"%5","prefix":"shop"}]}],"revocations":[
        {"id":"%5","issuer":"%9","key":"%1","prefix":"shop","rank":0,"state":"authorised","accepts":2,"strikes":["%2"]},
        {"id":"%6","issuer":"%9","key":"%3","prefix":"","rank":0,"state":"pending","accepts":0,"strikes":[]}]}"#,
    );
    assert_snapshot!(grants::grants(Paint::NONE, &answer));
    assert_snapshot!(revocations::list(Paint::NONE, &answer.revocations));
    answer.revocations.clear();
    assert_snapshot!(revocations::list(Paint::NONE, &answer.revocations));
}

#[test]
fn what_a_revocation_would_change() {
    let said = answer::<Author>(
        r#"{"key":"%1","scopes":[{"scope":"shop","heads":["%4"],"kept":3,"left_out":2,"last":"2026-11-21T09:00:00.000Z"},
        {"scope":"web","heads":[],"kept":0,"left_out":1}]}"#,
    );
    let preview = answer::<Preview>(
        r#"{"refused":[null],"voided":{"shop":2,"web":1},"restored":{"shop":1},"members_lost":["%7"],"members_won":["%8"],
        "revocations_lost":["%5"],"entries":[{"path":"shop/limits","now":999,"then":10},{"path":"shop/planted","now":true}]}"#,
    );
    let none = answer::<Preview>(
        r#"{"refused":[],"voided":{},"restored":{},"entries":[],"members_lost":[],"members_won":[],"revocations_lost":[]}"#,
    );
    assert_snapshot!(revocations::frontier(&said, false));
    assert_snapshot!(revocations::frontier(&said, true));
    assert_snapshot!(revocations::preview(Paint::NONE, &preview));
    assert_snapshot!(revocations::preview(Paint::NONE, &none));
}

fn reach() -> Change {
    let text = format!(
        r#"{{"statement":{WRITE},"expected":4,"has":[{{"node":"%1","name":"node-1","since_seconds":12,"why":""}}],
        "lacks":[{{"node":"%2","name":"node-2","since_seconds":9,"why":"differs"}}],
        "unknown":[{{"node":"%3","name":"","since_seconds":400,"why":"waiting_for_mark"}}]}}"#
    );
    answer(&text)
}

#[test]
fn how_far_a_change_got() {
    assert_snapshot!(change::nodes(Paint::NONE, &reach()));
    assert_snapshot!(change::progress(&reach(), 4));
}

#[test]
fn how_many_nodes_are_needed() {
    assert_eq!(change::needed(Goal::All, 3), 3);
    assert_eq!(change::needed(Goal::All, 0), 1);
    assert_eq!(change::needed(Goal::Percent(50), 3), 2);
    assert_eq!(change::needed(Goal::Percent(100), 3), 3);
    assert_eq!(change::needed(Goal::Percent(1), 3), 1);
    assert_eq!(change::needed(Goal::Count(7), 3), 7);
}

#[test]
fn a_plan() {
    let merged: Merged = answer(
        r#"{"path":"shop/a","mesh":"%0","heads":["%a"],"etag":"e","after":5,"prev":[],"grant":null,
        "tree":{"map":{"l":{"list":[["%a:0:0",{"leaf":1}],["%a:0:1",{"leaf":2}],["%a:0:2",{"leaf":3}]]},"s":{"leaf":"x"},"t":{"leaf":1.5}}}}"#,
    );
    let absent = Merged { path: "shop/b".parse().unwrap(), tree: None, heads: Vec::new(), ..merged.clone() };
    let value = |text: &str| Desired::Value(json::parse(text.as_bytes()).unwrap());
    let edited = [
        sign::plan(&merged, &value(r#"{"l":[1,3,4],"s":"y","t":1.5}"#)).unwrap().unwrap(),
        sign::plan(&absent, &value(r#"{"new":true}"#)).unwrap().unwrap(),
        sign::plan(&merged, &Desired::Absent).unwrap().unwrap(),
    ];
    let rows = plan::rows(&edited);
    assert_snapshot!(plan::plan(Paint::NONE, &rows));
    assert_snapshot!(plan::summary(&rows, 2));
}
