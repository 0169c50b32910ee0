//! Finds places in a stream without reading all of it.

use crate::page::{PAGE_BYTES_MAX, Pages};
use std::io::{self, Read, Seek};

/// Below this many bytes a search goes page by page.
const LINEAR: u64 = 2 * PAGE_BYTES_MAX as u64;

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Behind its last whole page, in the file.
    pub(super) offset: u64,
    /// Behind its last sample, at 48 kHz.
    pub(super) granule: u64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In the file.
    pub(super) offset: u64,
    /// In samples at 48 kHz.
    pub(super) granule: u64,
}

/// The end of the stream whose audio begins at `start`: behind its last whole page, however the file goes on. Without
/// any, the stream is empty and ends with its pre-skip.
pub(super) fn end<R: Read + Seek>(
    pages: &mut Pages<R>,
    serial: u32,
    start: u64,
    pre_skip: u64,
) -> io::Result<End> {
    pages.begin_search();
    let mut before = pages.len();
    while before > start {
        let from = before.saturating_sub(LINEAR).max(start);
        let (mut at, mut last) = (from, None);
        while let Some((offset, page)) = pages.page_from(at, before)? {
            at = offset + page.file_len();
            if let Some(granule) = page.granule.filter(|_| page.serial == serial) {
                last = Some(End { offset: at, granule });
            }
        }
        if let Some(last) = last {
            return Ok(last);
        }
        before = from;
    }
    Ok(End { offset: start, granule: pre_skip })
}

/// The last page between `start` and `end` that begins with a packet of its own at or before `goal`.
pub(super) fn page_before<R: Read + Seek>(
    pages: &mut Pages<R>,
    serial: u32,
    start: u64,
    end: u64,
    goal: u64,
) -> io::Result<Place> {
    pages.begin_search();
    let mut place = Place { offset: start, granule: 0 };
    let mut before = end;
    while before.saturating_sub(place.offset) > LINEAR {
        let middle = place.offset + (before - place.offset) / 2;
        match next_place(pages, serial, middle, before)? {
            Some(found) if found.granule <= goal => place = found,
            Some(_) | None => before = middle,
        }
    }
    while let Some(found) = next_place(pages, serial, place.offset, before)?
        && found.granule <= goal
    {
        place = found;
    }
    Ok(place)
}

/// The place behind the first page from `offset` on that ends with a whole packet, if that page begins before `before`.
fn next_place<R: Read + Seek>(
    pages: &mut Pages<R>,
    serial: u32,
    offset: u64,
    before: u64,
) -> io::Result<Option<Place>> {
    let mut at = offset;
    while let Some((found, page)) = pages.page_from(at, before)? {
        at = found + page.file_len();
        if let Some(granule) = page.granule.filter(|_| page.serial == serial && page.ends_whole()) {
            return Ok(Some(Place { offset: at, granule }));
        }
    }
    Ok(None)
}
