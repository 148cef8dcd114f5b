//! `docs/guards.md`: the table as a page.

use crate::table::Guard;

/// The page.
pub fn page(guards: &[Guard]) -> String {
    let mut page = format!(
        "# Guards, and the tests that would miss them\n\n\
         Each of these {} guards was taken out of a copy of the sources, and the test beside it failed; with the guard in, it\n\
         passes. `cargo run -p driftless-guards -- --all` does that again; `tests/run` does it for a few guards each time, other\n\
         ones at every commit ([proof.md](proof.md)). The texts are in `tests/guards/guards.toml`; this page is written from it by\n\
         `cargo run -p driftless-guards -- --write`.\n",
        guards.len()
    );
    let mut file = "";
    for guard in guards {
        if guard.file != file {
            file = &guard.file;
            page.push_str(&format!("\n## `{file}`\n\n| guard | what it keeps | the test that fails without it |\n"));
            page.push_str("| --- | --- | --- |\n");
        }
        let target = if guard.check.target == "lib" { "" } else { guard.check.target.as_str() };
        let test = [target, &guard.check.test].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        page.push_str(&format!("| {} | {} | `{}` |\n", guard.name, guard.keeps, test.join("::")));
    }
    page
}
