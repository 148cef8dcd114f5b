//! Signs a change with an operator's key: ask a node what is merged, show the edits, sign exactly those, hand them over.
//! Between the two calls nothing needs a network, so the middle may run where the key is kept.
//!
//! `cargo run -p driftless-examples --bin sign_offline -- unix:/run/driftless/driftless.sock operator.key shop/motd '"hi"'`
#![allow(clippy::print_stdout)]

use driftless_client::sign::{self, Desired};
use driftless_client::{Client, Signer, clock, keys};
use driftless_examples::{Failed, argument, endpoint};
use driftless_statement::{Path, Why, json};

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let key = argument(2, "operator.key");
    let path: Path = argument(3, "shop/motd").parse()?;
    let wanted = Desired::Value(json::parse(argument(4, "\"hello\"").as_bytes())?);
    let client = Client::new(endpoint()?);

    // Online: the merged state, this author's own heads, the grant to rely on.
    let signer = Signer::new(keys::load(key.as_ref())?);
    let merged = client.merged(&path, Some(&signer.public())).await?;

    // Offline: what is shown is what is signed.
    let Some(edited) = sign::plan(&merged, &wanted)? else {
        println!("{path} is so already");
        return Ok(());
    };
    for words in edited.words() {
        println!("{path}: {words}");
    }
    let note = Why { reason: "an example".into(), ..Why::default() }.into();
    let signed = sign::statements(&signer, vec![edited], &note, clock::now_ms())?;

    // Online again. Any node will do, and sending twice does no harm.
    let answer = client.submit(&signed).await?;
    for result in answer.results {
        println!("{}: {}", result.outcome, result.detail.unwrap_or_else(|| "on its way to every node".into()));
    }
    Ok(())
}
