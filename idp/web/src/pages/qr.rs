//! A QR code as the path of an SVG: inline, so that the policy needs no exception.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel};
use serde::Serialize;

/// Light modules around the code, ISO/IEC 18004 section 6.3.8.
const QUIET_ZONE: usize = 4;

/// A QR code.
#[derive(Clone, Serialize)]
pub struct QrCode {
    /// Width and height in modules, the quiet zone included.
    pub size: usize,
    /// Path data; one horizontal run of dark modules after another.
    pub path: String,
}

impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrCode")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl QrCode {
    /// The code of `text`; none when it is longer than a code can hold.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = qrcode::QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (y, row) in code.to_colors().chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run.first() == Some(&Color::Dark) {
                    let (left, top, length) = (x + QUIET_ZONE, y + QUIET_ZONE, run.len());
                    // Writing to a string cannot fail.
                    let _ = write!(path, "M{left} {top}h{length}v1h-{length}z");
                }
                x += run.len();
            }
        }
        Some(Self {
            size: width + 2 * QUIET_ZONE,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_modules() {
        let code = QrCode::of("otpauth://totp/x?secret=JBSWY3DP").unwrap();
        let dark: usize = code
            .path
            .split('h')
            .skip(1)
            .step_by(2)
            .map(|part| part.split('v').next().unwrap().parse::<usize>().unwrap())
            .sum();
        let expected = qrcode::QrCode::with_error_correction_level(
            "otpauth://totp/x?secret=JBSWY3DP",
            EcLevel::M,
        )
        .unwrap()
        .to_colors()
        .iter()
        .filter(|color| **color == Color::Dark)
        .count();
        assert_eq!(dark, expected);
        assert!(code.path.starts_with("M4 4h7"));
    }

    #[test]
    fn a_text_that_is_too_long_has_none() {
        assert!(QrCode::of(&"x".repeat(5000)).is_none());
    }
}
