//! docs/cli.md names every command and every exit code.

use super::process::driftless;

#[test]
fn every_command_has_its_section() {
    let page = include_str!("../../../docs/cli.md");
    let dir = tempfile::tempdir().unwrap();
    let help = driftless(dir.path(), &["--help"], "");
    assert_eq!(help.code, 0);
    let listed = help.out.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() >= 18, "{commands:?}");
    for command in commands {
        assert!(page.contains(&format!("\n## `{command}`\n")), "no section for {command}");
        // Which node is asked may stand before the command.
        let plain = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            match words.iter().position(|word| *word == "--context") {
                Some(at) => [&words[..at], words.get(at + 2..).unwrap_or_default()].concat().join(" "),
                None => line.to_owned(),
            }
        };
        let example = |line: &str| line.starts_with("$ ") && plain(line).contains(&format!("driftless {command}"));
        assert!(page.lines().any(example), "no example of {command}");
    }
    for code in 0..=7 {
        assert!(page.contains(&format!("| {code} |")), "exit code {code}");
    }
}
