//! A filter at work: blocks of input in, blocks of output out, the past kept between them.

#![forbid(unsafe_code)]

use super::design::Filter;
use super::kernel::{self, BLOCK, PAST, Part, Stream};
use crate::instruction_set::InstructionSet;

/// Filters blocks of at most [`BLOCK`] periods. A block is put in with [`split`](Self::split) or
/// [`room`](Self::room), filtered with [`run`](Self::run) and got with [`join`](Self::join) or
/// [`single`](Self::single).
#[derive(Debug, Clone)]
pub(crate) struct Bank {
    pub(super) filter: &'static Filter,
    pub(super) set: InstructionSet,
    /// One for each input sample of a period.
    streams: Box<[Stream]>,
    /// One for each output sample of a period.
    parts: Box<[Part]>,
    /// On the way from one stream to six and back: three streams of every third sample.
    thirds: Box<[[i16; 2 * BLOCK]]>,
}

impl Bank {
    pub(super) fn new(filter: &'static Filter, set: InstructionSet) -> Self {
        let thirds = if filter.up == 6 || filter.down == 6 { 3 } else { 0 };
        Self {
            filter,
            set,
            streams: vec![[0; _]; filter.down].into(),
            parts: vec![[0; _]; filter.up].into(),
            thirds: vec![[0; _]; thirds].into(),
        }
    }

    /// Makes the past silent.
    pub(super) fn reset(&mut self) {
        for stream in &mut self.streams {
            stream[..PAST].fill(0);
        }
    }

    /// Where the next block of `count` samples belongs when a period has one input sample.
    #[inline]
    pub(crate) fn room(&mut self, count: usize) -> &mut [i16] {
        &mut self.streams[0][PAST..][..count]
    }

    /// Puts in the next block, which is `count` whole periods.
    pub(super) fn split(&mut self, block: &[i16], count: usize) {
        let set = self.set;
        let room = |stream| -> &mut [i16] { &mut Stream::as_mut_slice(stream)[PAST..][..count] };
        match &mut *self.streams {
            [a] => room(a).copy_from_slice(block),
            [a, b] => kernel::split_2(set, block, [room(a), room(b)]),
            [a, b, c] => kernel::split_3(set, block, [room(a), room(b), room(c)]),
            [a, b, c, d, e, f] => {
                if let [x, y, z] = &mut *self.thirds {
                    kernel::split_3(
                        set,
                        block,
                        [&mut x[..2 * count], &mut y[..2 * count], &mut z[..2 * count]],
                    );
                    kernel::split_2(set, &x[..2 * count], [room(a), room(d)]);
                    kernel::split_2(set, &y[..2 * count], [room(b), room(e)]);
                    kernel::split_2(set, &z[..2 * count], [room(c), room(f)]);
                }
            }
            _ => {}
        }
    }

    /// Filters the block of `count` periods that was put in.
    #[inline]
    pub(crate) fn run(&mut self, count: usize) {
        let Self { filter, set, streams, parts, .. } = self;
        for (output, part) in parts.iter_mut().enumerate() {
            kernel::convolve(*set, filter.output(output), filter.extra_bits, streams, count, part);
        }
        for stream in streams {
            if let Some(&past) = stream[count..].first_chunk::<PAST>() {
                stream[..PAST].copy_from_slice(&past);
            }
        }
    }

    /// The filtered block of `count` periods, when a period has one output sample.
    #[inline]
    pub(crate) fn single(&self, count: usize) -> &[i16] {
        &self.parts[0][..count]
    }

    /// Writes the filtered block of `count` periods into `output`, which is exactly that long.
    #[inline]
    pub(crate) fn join(&mut self, count: usize, output: &mut [i16]) {
        let set = self.set;
        match &*self.parts {
            [a] => output.copy_from_slice(&a[..count]),
            [a, b] => kernel::join_2(set, [&a[..count], &b[..count]], output),
            [a, b, c] => kernel::join_3(set, [&a[..count], &b[..count], &c[..count]], output),
            [a, b, c, d, e, f] => {
                if let [x, y, z] = &mut *self.thirds {
                    kernel::join_2(set, [&a[..count], &d[..count]], &mut x[..2 * count]);
                    kernel::join_2(set, [&b[..count], &e[..count]], &mut y[..2 * count]);
                    kernel::join_2(set, [&c[..count], &f[..count]], &mut z[..2 * count]);
                    kernel::join_3(set, [&x[..2 * count], &y[..2 * count], &z[..2 * count]], output);
                }
            }
            _ => {}
        }
    }
}
