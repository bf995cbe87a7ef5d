//! Lines of a body that comes in pieces.

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, Stream, StreamExt};

/// Longest line.
pub(crate) const LONGEST_LINE: usize = 256 * 1024;

/// Why no further line can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineFault {
    /// Beyond [`LONGEST_LINE`].
    #[error("the line is longer than {LONGEST_LINE} bytes; the rest was not read")]
    TooLong,
    /// The connection, before the end.
    #[error("the body broke off; the rest was not read")]
    Broken,
    /// Longer on its way than the listener waits.
    #[error("nothing more of the body came in time; the rest was not read")]
    TooSlow,
}

/// The lines of a body, bounded each.
pub(crate) struct Lines {
    chunks: BoxStream<'static, Result<Bytes, LineFault>>,
    buffer: BytesMut,
    ended: bool,
}

impl Lines {
    /// The lines of what a body holds, piece by piece, until it ends or breaks off.
    pub(crate) fn of(
        chunks: impl Stream<Item = Result<Bytes, LineFault>> + Send + 'static,
    ) -> Self {
        Self {
            chunks: chunks.boxed(),
            buffer: BytesMut::new(),
            ended: false,
        }
    }

    /// The next line, without its end; none after the last one.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, LineFault>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                return Some(self.bounded(line.freeze()));
            }
            if self.ended {
                let rest = self.buffer.split().freeze();
                return (!rest.is_empty()).then(|| self.bounded(rest));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Some(self.stop(LineFault::TooLong));
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(fault)) => return Some(self.stop(fault)),
                None => self.ended = true,
            }
        }
    }

    fn bounded(&mut self, line: Bytes) -> Result<Bytes, LineFault> {
        if line.len() > LONGEST_LINE {
            return self.stop(LineFault::TooLong);
        }
        Ok(line)
    }

    fn stop(&mut self, fault: LineFault) -> Result<Bytes, LineFault> {
        self.ended = true;
        self.buffer.clear();
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    async fn lines(chunks: Vec<&'static str>) -> Vec<Result<Bytes, LineFault>> {
        let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk)));
        let mut lines = Lines::of(stream::iter(chunks));
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_do_not_depend_on_how_the_body_was_cut() {
        let expected = ["{\"a\":1}", "", "{\"b\":2}", "end"].map(|line| Ok(Bytes::from(line)));
        for chunks in [
            vec!["{\"a\":1}\n\n{\"b\":2}\nend"],
            vec!["{\"a\"", ":1}\n", "\n{\"b\":2}", "\nend"],
        ] {
            assert_eq!(lines(chunks).await, expected);
        }
        assert!(lines(vec![""]).await.is_empty());
        assert_eq!(lines(vec!["x\n"]).await, [Ok(Bytes::from("x"))]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_gathered() {
        let long: &'static str = Box::leak("x".repeat(LONGEST_LINE + 1).into_boxed_str());
        assert_eq!(
            lines(vec!["a\n", long, "\nb\n"]).await,
            [Ok(Bytes::from("a")), Err(LineFault::TooLong)]
        );
    }
}
