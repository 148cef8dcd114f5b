//! What a test came to, for whoever reads the gate: printed, and kept for `tests/run`, which shows the figures at its end
//! though `cargo test` hides what tests print. Included by path, since tests of several packages have figures.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used)]

use std::io::Write;

/// Says one line, and appends it to the file that `DRIFTLESS_FIGURES` names.
pub fn say(line: &str) {
    println!("{line}");
    if let Some(file) = std::env::var_os("DRIFTLESS_FIGURES") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        // In one write, so that lines of tests that run beside each other stay whole.
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// How many cases each law is asked to hold for: `DRIFTLESS_CASES`, as the gate sets it, or 256.
pub fn asked() -> u32 {
    std::env::var("DRIFTLESS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

/// Says how many cases the law runs that the calling test is, and returns them. A law that breaks before fails its test.
pub fn law(cases: u32) -> u32 {
    let binary = std::env::current_exe().ok().and_then(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    let binary = binary.unwrap_or_default();
    // Cargo puts a hash behind the name.
    let room = binary.rsplit_once('-').map_or(binary.as_str(), |(name, _)| name);
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    say(&format!("law: {cases:>6} cases  {room} {test}"));
    cases
}
