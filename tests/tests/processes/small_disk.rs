//! A node on a file system that fills up: a small tmpfs, which only root may mount. Elsewhere the test says that it was
//! skipped; with DRIFTLESS_STRICT=1 that is a failure.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::mesh::{Mesh, PATIENCE, wait};

/// A file system of its own, until the value is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let said =
            match Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"]).arg(at).output() {
                Ok(output) if output.status.success() => return Some(Self(at.to_owned())),
                Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
                Err(error) => error.to_string(),
            };
        let strict = std::env::var("DRIFTLESS_STRICT").is_ok_and(|strict| strict != "0");
        assert!(!strict, "no small file system could be mounted, and DRIFTLESS_STRICT forbids skipping: {said}");
        crate::figures::say(&format!("small disk: SKIPPED, mounting a tmpfs needs root: {}", said.trim()));
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves not one free byte.
    fn fill(&self) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        let block = [1; 4096];
        let mut size = block.len();
        while size > 0 {
            match file.write(&block[..size]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the node may end a moment later than this.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What was acknowledged, and how often the node refused.
#[derive(Default)]
struct Ledger {
    acknowledged: BTreeMap<String, String>,
    refused: u64,
    lost: Vec<String>,
}

impl Ledger {
    /// Writes one entry of some kilobytes.
    async fn put(&mut self, mesh: &Mesh) -> Result<(), String> {
        let number = self.acknowledged.len();
        let (path, value) = (format!("shop/e{number}"), format!("\"{number} {}\"", "x".repeat(8000)));
        let put = mesh.put(0, &path, &value).await;
        match &put {
            Ok(()) => drop(self.acknowledged.insert(path, value)),
            Err(_) => self.refused += 1,
        }
        put
    }

    async fn put_until_refused(&mut self, mesh: &Mesh) -> String {
        for _ in 0..4096 {
            if let Err(said) = self.put(mesh).await {
                return said;
            }
        }
        panic!("the disk never filled");
    }

    /// Until the node says that it only reads. A look at the disk may find the bytes that the reserve gave up, and let one
    /// more write through before anybody asked.
    async fn put_until_read_only(&mut self, mesh: &Mesh, disk: &SmallDisk) {
        let begin = Instant::now();
        while !health(mesh, "read_only").await {
            assert!(begin.elapsed() < PATIENCE, "the node never said that it only reads");
            disk.fill();
            let _ = self.put(mesh).await;
        }
    }

    async fn check(&mut self, mesh: &Mesh, when: &str) {
        for (path, value) in &self.acknowledged {
            if mesh.read(0, path).await.as_ref() != Some(value) {
                self.lost.push(format!("{path}, {when}"));
            }
        }
    }
}

async fn serves(mesh: &Mesh) -> bool {
    mesh.read(0, "shop/first").await.is_some()
}

async fn health(mesh: &Mesh, word: &str) -> bool {
    mesh.client(0).status().await.is_ok_and(|status| status.health.iter().any(|said| said == word))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_a_disk_that_fills_serves_reads_refuses_writes_and_recovers() {
    let mut mesh = Mesh::found(1);
    let Some(disk) = SmallDisk::mount(&mesh.home.path().join("small")) else { return };
    let data = disk.0.join("data").display().to_string();
    let arguments = ["--set", &format!("node.data_dir={data}"), "--set", "store.reserve_bytes=1MiB"];
    mesh.start(0, &arguments);
    wait("the node to take a write", || async { mesh.put(0, "shop/first", "0").await.is_ok() }).await;
    let mut ledger = Ledger::default();
    for round in 0..3 {
        for _ in 0..20 {
            ledger.put(&mesh).await.unwrap();
        }
        disk.fill();
        let said = ledger.put_until_refused(&mesh).await;
        assert!(said.contains("read-only") || said.contains("no space left"), "round {round}: {said}");
        ledger.check(&mesh, "on the full disk").await;
        ledger.put_until_read_only(&mesh, &disk).await;
        // Killed on the full disk, and started there.
        mesh.kill(0);
        disk.fill();
        mesh.start(0, &arguments);
        wait("the node to serve again", || serves(&mesh)).await;
        ledger.check(&mesh, "started on the full disk").await;
        // What the reserve gave up may pay for one more: then it is acknowledged, and must be there too.
        let _ = ledger.put(&mesh).await;
        disk.free();
        wait("writes to come back", || async { mesh.put(0, "shop/back", &round.to_string()).await.is_ok() }).await;
        wait("the node to be well", || async { !health(&mesh, "read_only").await }).await;
        mesh.kill(0);
        mesh.start(0, &arguments);
        wait("the node to serve again", || serves(&mesh)).await;
        ledger.check(&mesh, "started with space").await;
    }
    let Ledger { acknowledged, refused, lost } = &ledger;
    crate::figures::say(&format!(
        "small disk: filled 3 times, {} acknowledged, {refused} refused, {} lost",
        acknowledged.len(),
        lost.len()
    ));
    assert!(lost.is_empty(), "acknowledged and not served: {lost:?}");
}
