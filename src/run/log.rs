//! The log of the process: one event, one line, whatever stands in it.
//!
//! Strangers choose some of the words: a path, the name of a parameter, a reason that they give. A line break among them would let
//! them write lines that look like ours, and other control characters would work on the terminal of whoever reads them.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Logs to standard error; standard output belongs to results.
pub(super) fn log(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people: a file or a log collector gets plain text.
    let colours = io::stderr().is_terminal();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(Lines(io::stderr)).with_ansi(colours);
    let installed = match log.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log was set up before");
    }
}

/// The log of a tool: what goes wrong, unless `RUST_LOG` asks for more.
pub(super) fn tool_log() {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned());
    log(&Log { level, format: LogFormat::Text });
}

/// Makes writers of which each gets one event.
struct Lines<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Lines<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: self.0.make_writer(), event: Vec::new() }
    }
}

/// An event on its way out: written when it is dropped, as one line.
struct Line<W: Write> {
    to: W,
    event: Vec<u8>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.event.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        // Where the log cannot be written there is nowhere to say so.
        drop(self.to.write_all(&one_line(&self.event)));
    }
}

/// The event with a line break at its end and in no other place. The colours of the terminal stay: those in what others say are
/// escaped where the event is put together.
fn one_line(event: &[u8]) -> Vec<u8> {
    let text = event.strip_suffix(b"\n").unwrap_or(event);
    let mut line = Vec::with_capacity(event.len());
    for byte in text {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' | 0x1b | b' '.. => line.push(*byte),
            control => line.extend_from_slice(format!("\\x{control:02x}").as_bytes()),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, colours: bool, event: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(Lines(move || writer.clone())).with_ansi(colours);
        if json {
            tracing::subscriber::with_default(subscriber.json().finish(), event);
        } else {
            tracing::subscriber::with_default(subscriber.finish(), event);
        }
        let bytes = kept.0.lock().expect("nobody panicked").clone();
        String::from_utf8(bytes).expect("it is text")
    }

    #[test]
    fn nobody_can_forge_a_line_of_the_log() {
        let said = "gone\n2026-01-01T00:00:00Z  INFO tandem: all is well\r\u{1b}[2J\u{7}\u{0}";
        let event = || {
            tracing::warn!(reason = said, cause = %said, all = ?said, "a stream was refused: {said}");
            tracing::info!("the next event");
        };
        for (json, colours) in [(false, false), (true, false), (false, true)] {
            let text = logged(json, colours, event);
            assert_eq!(text.lines().count(), 2, "{text:?}");
            assert!(text.ends_with('\n') && !text.contains(['\r', '\u{7}', '\u{0}']), "{text:?}");
            assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        }
    }

    #[test]
    fn an_event_without_surprises_is_written_as_it_is() {
        assert_eq!(
            one_line("an event: ä\t\u{1b}[2mdim\u{1b}[0m\n".as_bytes()),
            "an event: ä\t\u{1b}[2mdim\u{1b}[0m\n".as_bytes()
        );
        assert_eq!(one_line(b"no end"), b"no end\n");
    }
}
