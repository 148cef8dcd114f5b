//! Writes the inputs that each target begins with: `seeds FOLDER` makes a folder for each target in it.
#![forbid(unsafe_code)]

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("usage: seeds FOLDER"))?;
    let folder = std::path::PathBuf::from(folder);
    for (target, inputs) in driftless_fuzz::seeds::all() {
        std::fs::create_dir_all(folder.join(target))?;
        for (at, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(target).join(format!("seed-{at:03}")), input)?;
        }
    }
    Ok(())
}
