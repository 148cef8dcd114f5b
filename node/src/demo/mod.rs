//! `driftlessd demo`: a whole mesh on this machine, with real sockets and real stores. It tells a story: a change
//! travels, the network is cut, both sides write, it heals. It uses what a user would use, and knows no room's inside.

mod cast;
mod content;
mod stage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use driftless_client::client::Write;
use driftless_statement::{Path, Prefix, Value, json};

use cast::{Actor, Cast};
use stage::Stage;

/// Options of the demonstration.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Keep everything in this directory instead of a temporary one that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// End after the story instead of keeping the mesh running
    #[arg(long)]
    pub exit: bool,
    /// First of the ports to use on 127.0.0.1; by default free ones are found
    #[arg(long, value_name = "PORT")]
    pub base_port: Option<u16>,
}

/// How long any step of the story may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demonstration. The error is a sentence for the user.
pub async fn run(options: Options) -> Result<(), String> {
    let stage = Stage::new();
    stage.title("Driftless: three nodes on this machine");
    let cast = Cast::assemble(&options, &stage).await?;
    let told = tell(&cast, &stage).await;
    if told.is_ok() && !options.exit {
        stage.where_to_look(&cast);
        stage.say("The mesh keeps running. Press Ctrl-C to end it.");
        let _ = tokio::signal::ctrl_c().await;
    }
    cast.exit().await;
    told
}

async fn tell(cast: &Cast, stage: &Stage) -> Result<(), String> {
    load(cast, stage).await?;
    travel(cast, stage).await?;
    cut_and_heal(cast, stage).await
}

async fn load(cast: &Cast, stage: &Stage) -> Result<(), String> {
    stage.chapter("1  Configuration comes in, written on all three nodes");
    let begin = Instant::now();
    let entries = content::entries()?;
    for (index, (path, value)) in entries.iter().enumerate() {
        let writer = cast.actors.get(index % cast.actors.len()).ok_or("no nodes")?;
        writer.put(path, value).await?;
    }
    stage.say(&format!("{} entries written in {}", entries.len(), stage::span(begin.elapsed())));
    let begin = Instant::now();
    cast.converge(entries.len()).await?;
    stage.say(&format!(
        "all three nodes serve the same {} entries after another {}",
        entries.len(),
        stage::span(begin.elapsed())
    ));
    stage.nodes(&cast.eu().client.divergence().await.map_err(|error| error.to_string())?);
    Ok(())
}

async fn travel(cast: &Cast, stage: &Stage) -> Result<(), String> {
    stage.chapter("2  A change travels");
    let path = path("shop/checkout/limits")?;
    let begin = Instant::now();
    let patch = value(r#"{"max_items": 75}"#)?;
    cast.eu().client.merge_patch(&path, &patch, &Write::default()).await.map_err(|error| error.to_string())?;
    let durable = begin.elapsed();
    for actor in cast.actors.iter().skip(1) {
        actor.wait_for(&path, |value| value.contains("\"max_items\":75")).await?;
    }
    stage.say("shop/checkout/limits: max_items becomes 75, written at eu");
    stage.say(&format!(
        "durable on eu after {}, served by us and ap after {}",
        stage::span(durable),
        stage::span(begin.elapsed())
    ));
    Ok(())
}

async fn cut_and_heal(cast: &Cast, stage: &Stage) -> Result<(), String> {
    stage.chapter("3  The network is cut: ap is alone, and both sides go on writing");
    cast.ap().isolate(true).await?;
    cast.ap().wait_alone().await?;
    let path = path("shop/checkout/limits")?;
    let patch = |text| value(text);
    cast.eu().patch(&path, &patch(r#"{"timeout_ms": 900, "note": "eu: calmer during the sale"}"#)?).await?;
    cast.ap().patch(&path, &patch(r#"{"timeout_ms": 1500, "retries": 4}"#)?).await?;
    cast.ap().put(&self::path("shop/ap/banner")?, &value(r#"{"text": "Maintenance tonight", "show": true}"#)?).await?;
    stage.say("eu sets timeout_ms to 900; ap sets it to 1500 and retries to 4, and adds shop/ap/banner");
    stage.say(&format!("eu serves {}", cast.eu().json(&path).await?));
    stage.say(&format!("ap serves {}", cast.ap().json(&path).await?));
    stage.say("eu now waits until it notices (ten-second marks, settled for five) …");
    let begin = Instant::now();
    let seen = cast.eu().wait_divergence(|d| d.silent > 0 || d.ratio > 0.0).await?;
    stage.say(&format!("noticed after {}", stage::span(begin.elapsed())));
    stage.nodes(&seen);

    stage.chapter("4  The network heals");
    let begin = Instant::now();
    cast.ap().isolate(false).await?;
    cast.converge(content::entries()?.len() + 1).await?;
    stage.say(&format!("all three nodes serve the same state again after {}", stage::span(begin.elapsed())));
    stage.say(&format!("all serve {}", cast.us().json(&path).await?));
    let conflicts = cast.us().client.conflicts(&Prefix::all(), 10).await.map_err(|error| error.to_string())?;
    stage.conflicts(&conflicts);
    let healed = cast.eu().wait_divergence(|d| d.silent == 0 && d.ratio == 0.0).await?;
    stage.say(&format!("divergence is back to zero, {} after the heal", stage::span(begin.elapsed())));
    stage.nodes(&healed);
    Ok(())
}

fn path(text: &str) -> Result<Path, String> {
    Path::parse(text).map_err(|error| error.to_string())
}

fn value(text: &str) -> Result<Value, String> {
    json::parse(text.as_bytes()).map_err(|error| error.to_string())
}

impl Actor {
    async fn put(&self, path: &Path, value: &Value) -> Result<(), String> {
        let written = self.client.put(path, value, &Write::default()).await;
        written.map(drop).map_err(|error| format!("{}: {error}", self.name))
    }

    async fn patch(&self, path: &Path, patch: &Value) -> Result<(), String> {
        let written = self.client.merge_patch(path, patch, &Write::default()).await;
        written.map(drop).map_err(|error| format!("{}: {error}", self.name))
    }

    async fn json(&self, path: &Path) -> Result<String, String> {
        let item = self.client.item(path).await.map_err(|error| format!("{}: {error}", self.name))?;
        Ok(json::to_string(&item.value))
    }
}
