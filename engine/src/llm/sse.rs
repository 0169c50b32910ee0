//! Server-sent events, decoded from bytes that may be cut anywhere.
//!
//! Lines end with `\n`, `\r` or `\r\n`; an event ends with an empty line; what is incomplete at the end of the
//! stream is no event. An event's size is bounded.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field, empty if there was none.
    pub name: String,
    /// The `data` fields, joined by `\n`.
    pub data: String,
}

/// The stream is not one that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {limit} bytes")]
pub struct EventTooLong {
    /// The limit.
    pub limit: usize,
}

/// Longest event of a language model in bytes: the whole arguments of a tool call may come in one.
pub const LONGEST_EVENT: usize = 1024 * 1024;

/// Decodes a stream of events.
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    /// The line so far, without its end.
    line: Vec<u8>,
    /// The last byte was `\r`: a `\n` now belongs to it.
    after_carriage_return: bool,
    at_start: bool,
    event: SseEvent,
    has_data: bool,
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new(LONGEST_EVENT)
    }
}

impl SseDecoder {
    /// A decoder for events of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_carriage_return: false,
            at_start: true,
            event: SseEvent::default(),
            has_data: false,
        }
    }

    /// Takes the next bytes and appends the events that they complete.
    ///
    /// # Errors
    /// When an event is too long; the stream is of no use then.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_carriage_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + self.event.data.len() + part.len() > self.limit {
                return Err(EventTooLong { limit: self.limit });
            }
            self.line.extend_from_slice(part);
            bytes = rest;
            if let Some((end, rest)) = rest.split_first() {
                bytes = rest;
                self.after_carriage_return = *end == b'\r';
                self.end_line(events);
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) {
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line);
        if std::mem::take(&mut self.at_start)
            && let Some(rest) = text.strip_prefix('\u{feff}')
        {
            text = rest.to_owned().into();
        }
        if text.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) && !event.data.is_empty() {
                events.push(event);
            }
            return;
        }
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            // A comment (no field name), or one of `id` and `retry`, which serve reconnecting browsers.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
