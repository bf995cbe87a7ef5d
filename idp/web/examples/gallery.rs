//! Writes every sample of every page in every language as files, to look at and to test for
//! accessibility: `cargo run -p realmwright-web --example gallery -- <folder>`.
#![expect(
    clippy::print_stdout,
    reason = "an example for the terminal of a developer"
)]

use std::path::PathBuf;

use realmwright_snapshot::Locale;
use realmwright_web::assets::Assets;
use realmwright_web::pages::{AssetLinks, Frame, Page, Pages};
use realmwright_web::texts::LANGUAGES;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("gallery <folder>")?);
    let (pages, assets) = (Pages::load()?, Assets::load());
    std::fs::create_dir_all(&folder)?;
    for asset in assets.files() {
        std::fs::write(folder.join(&asset.name), &asset.content)?;
    }
    let locales = LANGUAGES.map(|language| Locale::from(language.tag));
    let samples = Page::samples();
    for locale in &locales {
        for (name, page) in &samples {
            let frame = Frame::of_realm(
                "Northwind Commons",
                Some("id.northwind.example"),
                locale,
                AssetLinks::under(".", &assets),
            )
            .with_languages(&locales, |other| format!("{name}.{other}.html"));
            let html = pages.render(&frame, page)?;
            std::fs::write(folder.join(format!("{name}.{locale}.html")), html)?;
        }
    }
    println!(
        "{} pages in {}",
        samples.len() * locales.len(),
        folder.display()
    );
    Ok(())
}
